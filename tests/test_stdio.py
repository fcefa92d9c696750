"""The process ends, whatever ends it, and closes what it holds on the way."""

import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
import pytest
from anyio.abc import Process

from mlgym_mcp import stdio

PROGRAM = """
import sys
from contextlib import asynccontextmanager
import anyio, anyio.to_thread
from mlgym_mcp import stdio

@asynccontextmanager
async def opening():
    async def serve():
        print("serving\\n", end="", flush=True)
        await anyio.to_thread.run_sync(sys.stdin.read)  # like the transport's: a thread that can't be woken
        {at_end}
    try:
        yield serve
    finally:
        with anyio.CancelScope(shield=True):
            {closing}
            print("closed\\n", end="", flush=True)

stdio.run(opening)
"""
LIMIT = 10
"""Seconds for a process to start and to end; far more than it takes, for slow machines."""

needs_signals = pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX")


@asynccontextmanager
async def running(*, closing: str = "pass", at_end: str = "pass") -> AsyncIterator[Process]:
    program = PROGRAM.format(closing=closing, at_end=at_end)
    with anyio.fail_after(LIMIT):
        async with await anyio.open_process([sys.executable, "-c", program], stderr=None) as process:
            assert process.stdout is not None
            assert await process.stdout.receive() == b"serving\n"
            yield process


async def rest_of_output(process: Process) -> bytes:
    assert process.stdout is not None
    return b"".join([chunk async for chunk in process.stdout])


def test_whatever_ends_it_takes_less_than_half_a_second() -> None:
    assert stdio.PARENT_POLL + stdio.EXIT_GRACE < 0.5


async def test_the_end_of_input_ends_the_process_and_closes_what_it_holds() -> None:
    async with running() as process:
        assert process.stdin is not None
        await process.stdin.aclose()
        assert await rest_of_output(process) == b"closed\n"
        assert await process.wait() == 0


@needs_signals
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
async def test_a_signal_ends_the_process_though_its_input_stays_open(number: signal.Signals) -> None:
    async with running() as process:
        process.send_signal(number)
        assert await rest_of_output(process) == b"closed\n"
        assert await process.wait() == 0


@needs_signals
async def test_a_second_signal_changes_nothing() -> None:
    async with running(closing="await anyio.sleep(0.1)") as process:
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGTERM)
        assert await rest_of_output(process) == b"closed\n"
        assert await process.wait() == 0


@needs_signals
async def test_a_stuck_event_loop_does_not_keep_the_process_alive() -> None:
    async with running(closing="__import__('time').sleep(3600)") as process:
        process.send_signal(signal.SIGTERM)
        assert await rest_of_output(process) == b""
        assert await process.wait() == 0


async def test_a_transport_that_fails_is_told_on_stderr_and_by_the_exit_status() -> None:
    async with running(at_end="raise RuntimeError") as process:
        assert process.stdin is not None
        await process.stdin.aclose()
        assert await rest_of_output(process) == b"closed\n"
        assert await process.wait() == 1


@needs_signals
async def test_the_death_of_the_parent_ends_the_process_though_its_input_stays_open() -> None:
    reading, writing = os.pipe()
    program = PROGRAM.format(closing="pass", at_end="pass")
    # The shell starts the server and waits; the server's input is a pipe that this test holds open.
    command = ["/bin/sh", "-c", '"$0" -c "$1" & wait', sys.executable, program]
    with anyio.fail_after(LIMIT):
        async with await anyio.open_process(command, stdin=reading, stderr=None) as parent:
            assert parent.stdout is not None
            assert await parent.stdout.receive() == b"serving\n"
            parent.kill()
            assert await rest_of_output(parent) == b"closed\n"
    os.close(reading)
    os.close(writing)
