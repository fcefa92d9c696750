"""The stream: lost and opened again, shared by several hosts, and gone with its sandbox."""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import anyio
import pytest
from anyio.abc import ByteStream

from mlgym_mcp.errors import SandboxGone
from mlgym_mcp.sandbox.base import MIB
from mlgym_mcp.sandbox.guest import Guest
from tests.sandbox.boxes import (
    Box,
    every_sandbox,
    every_sandbox_and_the_fake,
    every_way_to_a_sandbox,
    open_backend,
    open_box,
    until,
)


def recorded(box: Box, monkeypatch: pytest.MonkeyPatch) -> list[ByteStream]:
    """The streams that are opened from now on."""
    streams: list[ByteStream] = []
    connect = box.backend.connect

    async def record(sandbox_id: str) -> ByteStream:
        streams.append(await connect(sandbox_id))
        return streams[-1]

    monkeypatch.setattr(box.backend, "connect", record)
    return streams


def two_jobs(box: Box) -> Callable[[], Awaitable[bool]]:
    async def are_known() -> bool:
        return len(await box.guest.jobs()) >= 2

    return are_known


@every_sandbox_and_the_fake
async def test_a_lost_stream_is_opened_again(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with open_box(kind, tmp_path) as box:
        streams = recorded(box, monkeypatch)
        await box.run("x=kept")
        for _ in range(3):
            await streams[-1].aclose()
            assert await box.output("echo $x") == "kept\n"
        assert len(streams) == 4


@every_way_to_a_sandbox
async def test_a_command_goes_on_over_a_lost_stream_and_runs_once(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_box(kind, tmp_path) as box, anyio.create_task_group() as tasks:
        streams = recorded(box, monkeypatch)
        await box.run("mkfifo gate")
        results = []

        async def run() -> None:
            results.append(await box.run("echo once >> log; cat gate; exit 3"))

        tasks.start_soon(run)
        await until(two_jobs(box))
        await streams[-1].aclose()
        await box.start("echo > gate")
        await until(lambda: results)
        assert results[0].exit_code == 3
        assert await box.guest.read("log", max_size=100) == b"once\n"


@every_sandbox
async def test_a_write_goes_on_over_a_lost_stream(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with open_box(kind, tmp_path) as box:
        streams = recorded(box, monkeypatch)
        await box.guest.write("file", b"whole")

        async def pieces() -> AsyncIterator[bytes]:
            yield b"half"
            await streams[-1].aclose()
            yield b"other half"

        await box.guest.write("file", pieces())  # the piece was not sent yet, so it is sent again
        assert await box.guest.read("file", max_size=100) == b"halfother half"


@every_way_to_a_sandbox
async def test_two_hosts_speak_to_one_sandbox(kind: str, tmp_path: Path) -> None:
    async with open_box(kind, tmp_path) as box, anyio.create_task_group() as tasks:
        second = Guest(tasks, box.backend, box.spec.id, box.spec.token)
        await box.run("x=shared")
        assert (await second.run("echo $x", wait_s=10, time_limit=10)).head == b"shared\n"
        await second.aclose()
        assert await box.output("echo $x") == "shared\n"


@every_way_to_a_sandbox
async def test_a_server_started_anew_finds_the_sandbox(kind: str, tmp_path: Path) -> None:
    async with open_box(kind, tmp_path) as box:
        await box.run("x=kept")
        await box.guest.aclose()
        async with open_backend(kind, tmp_path) as successor, anyio.create_task_group() as tasks:
            assert await successor.ids() == [box.spec.id]
            assert await successor.alive(box.spec.id)
            guest = Guest(tasks, successor, box.spec.id, box.spec.token)
            assert (await guest.run("echo $x", wait_s=10, time_limit=10)).head == b"kept\n"
            await guest.aclose()
            await successor.remove(box.spec.id)
        assert not await box.backend.alive(box.spec.id)


@every_sandbox_and_the_fake
async def test_a_sandbox_that_is_removed_underneath_is_gone(kind: str, tmp_path: Path) -> None:
    async with open_box(kind, tmp_path) as box:
        await box.run("true")
        await box.backend.remove(box.spec.id)
        with pytest.raises(SandboxGone):
            await box.run("true")
        with pytest.raises(SandboxGone):
            await box.backend.connect(box.spec.id)
        with pytest.raises(SandboxGone):
            await box.backend.usage(box.spec.id)


@every_way_to_a_sandbox
async def test_whoever_waits_on_a_sandbox_that_dies_learns_of_it(kind: str, tmp_path: Path) -> None:
    async with open_box(kind, tmp_path) as box, anyio.create_task_group() as tasks:
        await box.run("true")
        told = []

        async def wait() -> None:
            with pytest.raises(SandboxGone):
                await box.run("sleep 100")
            told.append(True)

        tasks.start_soon(wait)
        await until(two_jobs(box))
        with anyio.fail_after(20):
            await box.backend.remove(box.spec.id)
            await until(lambda: told)


@every_way_to_a_sandbox
async def test_a_caller_cancelled_while_it_sends_leaves_the_stream_in_order(kind: str, tmp_path: Path) -> None:
    async with open_box(kind, tmp_path) as box:
        for number in range(30):
            with anyio.move_on_after(0.001 * (number % 5)):
                await box.guest.create("file", bytes([number]) * (7 * MIB))
            assert await box.output("echo fine") == "fine\n"


@every_way_to_a_sandbox
async def test_hundreds_of_calls_at_once_are_answered(kind: str, tmp_path: Path) -> None:
    async with open_box(kind, tmp_path) as box:
        await box.guest.write("file", bytes(200_000))
        sizes: list[int] = []

        async def read() -> None:
            sizes.append(len(await box.guest.read("file", max_size=MIB)))

        async with anyio.create_task_group() as tasks:
            for _ in range(300):
                tasks.start_soon(read)
        assert sizes == [200_000] * 300
