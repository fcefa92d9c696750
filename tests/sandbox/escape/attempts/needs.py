"""What honest programs do, which the filter and the mounts must leave them."""

import mmap
import multiprocessing
import os
import resource
import socket
import subprocess
import sys
import threading
from multiprocessing import shared_memory

from .system_calls import libc
from .table import need

PR_SET_PTRACER, PR_SET_NAME = 0x59616D61, 15


@need("threads run")
def threads() -> object:
    said: list[str] = []
    thread = threading.Thread(target=said.append, args=("ran",))
    thread.start()
    thread.join()
    return said


@need("programs are started and read")
def programs() -> object:
    return subprocess.run(["sh", "-c", "echo said"], capture_output=True, text=True, check=True).stdout


@need("a pool of processes computes")
def pool() -> object:
    with multiprocessing.get_context("fork").Pool(2) as workers:
        return sum(workers.map(abs, [-1, -2])) == 3


@need("processes share memory, as data loaders do")
def shared() -> object:
    block = shared_memory.SharedMemory(create=True, size=1 << 20)
    try:
        other = os.fork()
        if other == 0:
            memoryview(block.buf or b"")[0] = 7
            os._exit(0)
        os.waitpid(other, 0)
        return memoryview(block.buf or b"")[0] == 7
    finally:
        block.close()
        block.unlink()


@need("descriptors are sent from process to process")
def descriptors() -> object:
    one, other = socket.socketpair()
    reader, writer = os.pipe()
    socket.send_fds(one, [b"x"], [writer])
    _, [received], _, _ = socket.recv_fds(other, 1, 1)
    os.write(received, b"through")
    return os.read(reader, 10) == b"through"


@need("memory has no name, or a name that goes with it")
def memory() -> object:
    fd = os.memfd_create("needed")
    os.ftruncate(fd, 1 << 20)
    return mmap.mmap(-1, 1 << 20) and mmap.mmap(fd, 1 << 20)


@need("code is made while it runs, as compilers of arrays do")
def code() -> object:
    return mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)


@need("a program binds its threads to CPUs and lowers its own priority")
def priorities() -> object:
    thread = threading.get_native_id()
    os.sched_setaffinity(thread, os.sched_getaffinity(0))
    os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
    return os.nice(1) == 1


@need("a program limits itself")
def limits() -> object:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.prlimit(0, resource.RLIMIT_NOFILE)
    return libc.prctl(PR_SET_NAME, b"named", 0, 0, 0) == 0


@need("programs speak over the loopback, by IPv4 and IPv6 where that is there")
def loopback() -> object:
    with socket.create_server(("127.0.0.1", 0)) as server:
        with socket.create_connection(server.getsockname(), 5):
            return server.accept()


@need("interfaces are listed")
def interfaces() -> object:
    return [name for _, name in socket.if_nameindex()] == ["lo"] or socket.if_nameindex()


@need("a queue passes objects between processes")
def queues() -> object:
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    worker = context.Process(target=queue.put, args=("object",))
    worker.start()
    try:
        return queue.get(timeout=10)
    finally:
        worker.join()


@need("a fresh interpreter starts, as spawned workers do")
def spawned() -> object:
    program = "import multiprocessing as m, operator; print(m.get_context('spawn').Pool(1).apply(operator.add, (1, 2)))"
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout == "3\n"
