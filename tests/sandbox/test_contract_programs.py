"""Programs with piped input and output, as the judge's and the contestant's runners are."""

import sys
from pathlib import Path

import anyio
import pytest

from mlgym_mcp.errors import CommandRefused
from mlgym_mcp.sandbox.base import MIB
from mlgym_mcp.sandbox.channel import Channel
from tests.sandbox.boxes import every_sandbox, open_box, until

ECHO = [
    "/usr/bin/python3",
    "-Iuc",
    "import sys, shutil; shutil.copyfileobj(sys.stdin.buffer, sys.stdout.buffer)",
]


async def take(channel: Channel, size: int) -> bytes:
    data = b""
    while len(data) < size:
        piece = await channel.receive()
        assert piece
        data += piece
    return data


@every_sandbox
async def test_bytes_go_both_ways(kind: str, tmp_path: Path) -> None:
    async with open_box(kind, tmp_path) as box:
        channel = await box.guest.spawn(["/bin/cat"])
        for message in (b"hello", b"\0\xff" * 100, b"x"):
            await channel.send(message)
            assert await take(channel, len(message)) == message
        assert (await channel.close()).exit_code == -9


@every_sandbox
async def test_large_messages_pass_while_the_other_end_is_slow(kind: str, tmp_path: Path) -> None:
    content = bytes(range(256)) * (8 * MIB // 256)
    async with open_box(kind, tmp_path) as box:
        channel = await box.guest.spawn(ECHO)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(channel.send, content)
            assert await take(channel, len(content)) == content
        await channel.close()


@every_sandbox
async def test_the_end_of_a_program_is_the_end_of_its_output_and_its_errors_are_kept(kind: str, tmp_path: Path) -> None:
    async with open_box(kind, tmp_path) as box:
        script = "echo out; echo $GIVEN >&2; head -c 100000 /dev/zero >&2; echo last words >&2; exit 5"
        channel = await box.guest.spawn(["/bin/sh", "-c", script], env={"GIVEN": "said first"})
        assert await take(channel, 4) == b"out\n"
        assert await channel.receive() == b""
        await channel.send(b"to nobody")
        end = await channel.close()
        assert end.exit_code == 5
        assert end.stderr.endswith(b"last words\n")
        assert len(end.stderr) <= 16 * 1024


@every_sandbox
async def test_closing_ends_a_program_and_all_that_came_from_it(kind: str, tmp_path: Path) -> None:
    async with open_box(kind, tmp_path) as box:
        channel = await box.guest.spawn(["/bin/bash", "-c", "trap '' TERM; sleep 4321 & sleep 4321 & cat"])
        async with anyio.create_task_group() as tasks:
            received: list[bytes] = []

            async def receive() -> None:
                received.append(await channel.receive())

            tasks.start_soon(receive)
            await channel.send(b"x")
            await until(lambda: received)
            tasks.start_soon(receive)
            await anyio.wait_all_tasks_blocked()
            assert (await channel.close()).exit_code == -9
        assert received == [b"x", b""]
        assert await box.output("cat /proc/[0-9]*/cmdline | grep -c 432[1]") == "0\n"


@every_sandbox
async def test_a_program_that_is_not_there_is_refused(kind: str, tmp_path: Path) -> None:
    async with open_box(kind, tmp_path) as box:
        with pytest.raises(CommandRefused, match="can't be started"):
            await box.guest.spawn(["/no/such/program"])
        with pytest.raises(CommandRefused):
            await box.guest.spawn([])
        channel = await box.guest.spawn(["/bin/true"])
        await channel.close()
        with pytest.raises(CommandRefused, match="no program"):
            await channel.send(b"x")


@every_sandbox
async def test_programs_beyond_the_limit_are_refused(kind: str, tmp_path: Path) -> None:
    async with open_box(kind, tmp_path) as box:
        channels = [await box.guest.spawn(["/bin/cat"]) for _ in range(16)]
        with pytest.raises(CommandRefused, match="16 programs"):
            await box.guest.spawn(["/bin/cat"])
        await channels[0].close()
        await box.guest.spawn(["/bin/cat"])


@every_sandbox
async def test_a_program_that_prints_without_end_fills_its_pipe_not_the_guest(kind: str, tmp_path: Path) -> None:
    async with open_box(kind, tmp_path) as box:
        channel = await box.guest.spawn(["/usr/bin/yes"])
        assert (await channel.receive()).startswith(b"y\n")
        await box.run("sleep 0.2")
        resident = int((await box.output("cut -d' ' -f2 /proc/1/statm")).strip()) * 4096
        assert resident < 64 * MIB, sys.version
        await channel.close()
