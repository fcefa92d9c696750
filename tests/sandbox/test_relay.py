"""The relay by itself, between two pipes and a socket: it passes everything on, and always ends."""

import os
import select
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import pytest
from anyio.abc import ByteReceiveStream, ByteSendStream, Process, SocketAttribute, SocketListener, SocketStream
from relay import CHUNK, READY

RELAY = Path(__file__).resolve().parents[2] / "sandbox" / "relay.py"
MUCH = b"x" * (4 * 1024 * 1024)
"""More than pipes, sockets and the relay hold between them."""
PATIENCE = 20.0


@asynccontextmanager
async def open_relay(address: str, stdin: int = subprocess.PIPE) -> AsyncIterator[Process]:
    command = [sys.executable, "-I", "-S", str(RELAY), address]
    with anyio.fail_after(PATIENCE):
        async with await anyio.open_process(command, stdin=stdin, stderr=None) as process:
            try:
                yield process
            finally:
                if process.returncode is None:
                    process.kill()


async def exactly(stream: ByteReceiveStream, size: int) -> bytes:
    found = b""
    while len(found) < size:
        found += await stream.receive(size - len(found))
    return found


def ends(process: Process) -> tuple[ByteSendStream, ByteReceiveStream]:
    """The host's end of a relay."""
    assert process.stdin
    assert process.stdout
    return process.stdin, process.stdout


async def met(process: Process, listener: SocketListener, first: bytes = b"hello") -> SocketStream:
    """The guest's end of a relay that is ready and has been told a first word."""
    host, output = ends(process)
    looked = await listener.accept()
    assert await exactly(output, len(READY)) == READY
    async with looked:
        with pytest.raises(anyio.EndOfStream):
            await looked.receive()
    await host.send(first)
    guest = await listener.accept()
    assert await exactly(guest, len(first)) == first
    return guest


@pytest.fixture
def address(tmp_path: Path) -> str:
    return str(tmp_path / "s")


async def test_it_passes_on_what_comes_both_ways_at_once(address: str) -> None:
    async with await anyio.create_unix_listener(address) as listener, open_relay(address) as process:
        async with await met(process, listener) as guest, anyio.create_task_group() as tasks:
            host, output = ends(process)
            tasks.start_soon(host.send, MUCH)
            tasks.start_soon(guest.send, MUCH)
            assert await exactly(output, len(MUCH)) == MUCH
            assert await exactly(guest, len(MUCH)) == MUCH


async def test_it_waits_for_a_guest_that_does_not_listen_yet(address: str) -> None:
    async with open_relay(address) as process:
        async with await anyio.create_unix_listener(address) as listener, await met(process, listener):
            pass


async def test_it_reaches_an_abstract_socket() -> None:
    with socket.socket(socket.AF_UNIX) as abstract:
        abstract.bind("")  # the kernel chooses a free name
        abstract.listen()
        name = abstract.getsockname()[1:].decode()
        async with open_relay(f"@{name}") as process:
            _, output = ends(process)
            assert await exactly(output, len(READY)) == READY


async def test_it_ends_with_the_guest(address: str) -> None:
    async with await anyio.create_unix_listener(address) as listener, open_relay(address) as process:
        guest = await met(process, listener)
        await guest.send(b"last words")
        await guest.aclose()
        assert await exactly(ends(process)[1], 10) == b"last words"
        assert await process.wait() == 0


async def test_it_ends_with_a_host_that_says_nothing(address: str) -> None:
    async with await anyio.create_unix_listener(address), open_relay(address) as process:
        host, output = ends(process)
        assert await exactly(output, len(READY)) == READY
        await host.aclose()
        assert await process.wait() == 0


async def test_it_ends_with_the_host_even_where_neither_takes_what_the_other_sends(address: str) -> None:
    stdin, host = os.pipe()  # a stream of anyio's would not close before its last byte is taken
    async with await anyio.create_unix_listener(address) as listener, open_relay(address, stdin=stdin) as process:
        os.close(stdin)
        await (await listener.accept()).aclose()
        os.write(host, b"hello")
        async with await listener.accept() as guest:
            fill(host)
            fill(guest.extra(SocketAttribute.raw_socket).fileno())
            os.close(host)
            assert await process.wait() == 0


def fill(fd: int) -> None:
    """Write until nobody has taken anything for a while."""
    os.set_blocking(fd, False)
    while select.select([], [fd], [], 0.3)[1]:
        os.write(fd, b"x" * 65536)


async def test_what_it_is_told_first_may_be_long(address: str) -> None:
    async with await anyio.create_unix_listener(address) as listener, open_relay(address) as process:
        async with await met(process, listener, b"y" * CHUNK):
            pass
