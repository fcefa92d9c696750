"""The fake backend answers the real host side as a sandbox would."""

import io
import tarfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import pytest

from mlgym_mcp.errors import CommandRefused, InvalidSubmission, SandboxGone, SandboxStartError
from mlgym_mcp.sandbox.base import Limits, Mount, SandboxSpec
from mlgym_mcp.sandbox.fake import FakeBackend, Program
from mlgym_mcp.sandbox.fake.guest import FakeGuest
from mlgym_mcp.sandbox.guest import Guest
from mlgym_mcp.sandbox.lifecycle import open_sandbox

SPEC = SandboxSpec(id="s1", token="right", profile="plain", limits=Limits())


def shout(_guest: FakeGuest, _argv: Sequence[str], env: Mapping[str, str]) -> Program:
    def program(data: bytes) -> bytes | None:
        return None if data == b"bye" else data.upper() + env.get("END", "").encode()

    return program


@asynccontextmanager
async def opened(backend: FakeBackend | None = None, spec: SandboxSpec = SPEC) -> AsyncIterator[Guest]:
    with anyio.fail_after(5):
        async with open_sandbox(backend or FakeBackend(start_program=shout), spec) as guest:
            yield guest


async def run(guest: Guest, command: str, *, wait_s: float = 5, time_limit: float = 60) -> tuple[bytes, int | None]:
    result = await guest.run(command, wait_s=wait_s, time_limit=time_limit)
    return result.head + result.tail, result.exit_code


@pytest.mark.parametrize(
    ("command", "output", "exit_code"),
    [
        ("echo one two", b"one two\n", 0),
        ("true && echo yes", b"yes\n", 0),
        ("false && echo no; echo after", b"after\n", 0),
        ("false && echo no && echo never", b"", 1),
        ("exit 3; echo never", b"", 3),
        ("echo 'a;b' > f\ncat f", b"a;b\n", 0),
        ("echo a > f; echo b >> f; cat f", b"a\nb\n", 0),
        (r"printf 'x\ty\n'", b"x\ty\n", 0),
        ("printf '%s!' hi", b"hi!", 0),
        ("cat absent", b"cat: /workspace/absent can't be read: No such file or directory\n", 1),
        ("nonsense 1", b"bash: nonsense: command not found\n", 127),
        ("cat", b"", 0),
    ],
)
async def test_the_shell_knows_a_handful_of_commands(command: str, output: bytes, exit_code: int) -> None:
    async with opened() as guest:
        assert await run(guest, command) == (output, exit_code)


async def test_directory_and_variables_last_until_the_shell_is_left() -> None:
    async with opened() as guest:
        await run(guest, "cd sub; x=1")
        assert await run(guest, "pwd; echo $x") == (b"/workspace/sub\n1\n", 0)
        assert (await guest.run("exit 0", wait_s=1, time_limit=1)).shell_lost
        assert await run(guest, "pwd; echo $x") == (b"/workspace/sub\n\n", 0)


async def test_a_command_that_hangs_ends_when_it_is_killed_or_its_time_is_over() -> None:
    async with opened() as guest:
        hanging = await guest.run("echo here; hang", wait_s=0.01, time_limit=60)
        assert (hanging.running, hanging.head, hanging.exit_code) == (True, b"here\n", None)
        assert await run(guest, "echo a fresh shell") == (b"a fresh shell\n", 0)
        killed = await guest.job_kill(hanging.job)
        assert (killed.running, killed.exit_code, killed.stopped) == (False, -15, "killed")
        late = await guest.run("hang", wait_s=5, time_limit=0.01)
        assert (late.exit_code, late.stopped, late.shell_lost) == (-15, "command_time", True)


async def test_waiting_for_a_job_ends_with_it() -> None:
    async with opened() as guest, anyio.create_task_group() as tasks:
        job = (await guest.run("hang", wait_s=0, time_limit=60, background=True)).job
        tasks.start_soon(guest.job_kill, job)
        assert (await guest.job_wait(job, wait_s=60)).exit_code == -15


async def test_the_same_key_runs_once() -> None:
    async with opened() as guest:
        for _ in range(2):
            assert (await guest.run("echo x >> f", wait_s=1, time_limit=1, key="k")).job == "j1"
        assert await run(guest, "cat f") == (b"x\n", 0)


async def test_long_output_is_reported_from_both_ends_and_kept_whole() -> None:
    async with opened() as guest:
        await guest.write("big", b"a" * 50_000 + b"b" * 50_000)
        result = await guest.run("cat big", wait_s=1, time_limit=1)
        assert (len(result.head), len(result.tail), result.omitted, result.size) == (32_000, 32_000, 36_000, 100_000)
        assert len(await guest.read(result.output_path, max_size=200_000)) == 100_000
        assert (await guest.job_wait(result.job, wait_s=0, offset=99_999)).head == b"b"


async def test_files_are_written_read_viewed_and_edited() -> None:
    async with opened() as guest:
        await guest.write("a/b", b"1\n2\n")
        assert await guest.create("a/b", b"one\ntwo\n")
        assert await guest.str_replace("a/b", b"two", b"2") == b"     1\tone\n     2\t2\n"
        assert await guest.insert("a/b", 2, b"three") == b"     1\tone\n     2\t2\n     3\tthree\n"
        assert (await guest.view("a/b", first=2, last=2)).data == b"     2\t2\n"
        assert (await guest.view(".", first=None, last=None)).data == b"a/b\n"
        assert await guest.read("a/b", max_size=100) == b"one\n2\nthree\n"


@pytest.mark.parametrize("path", ["absent", ""])
async def test_what_is_not_there_is_refused(path: str) -> None:
    async with opened() as guest:
        with pytest.raises(CommandRefused):
            await guest.view(path)
        with pytest.raises(CommandRefused, match="there is no job 'j7'"):
            await guest.job_wait("j7", wait_s=0)


async def test_an_edit_that_is_not_unique_is_refused() -> None:
    async with opened() as guest:
        await guest.create("f", b"x x")
        with pytest.raises(CommandRefused, match="occurs 2 times"):
            await guest.str_replace("f", b"x", b"y")
        with pytest.raises(CommandRefused, match="give 0 to 1"):
            await guest.insert("f", 9, b"")


async def test_files_and_folders_are_packed_as_one_tar() -> None:
    async with opened() as guest:
        await guest.write("a/b", b"1")
        await guest.write("c", b"22")
        packed = b"".join([chunk async for chunk in guest.pack(["a", "c"], max_size=3)])
        with tarfile.open(fileobj=io.BytesIO(packed)) as tar:
            assert {info.name: info.size for info in tar} == {"a/b": 1, "c": 2}
        for paths in (["absent"], ["a", "c", "c"]):
            with pytest.raises(InvalidSubmission):
                _ = [chunk async for chunk in guest.pack(paths, max_size=3)]


async def test_mounts_are_the_hosts_files(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("1,2\n")
    spec = SandboxSpec(id="s1", token="t", profile="plain", limits=Limits(), mounts=(Mount(tmp_path, "/data"),))
    async with opened(spec=spec) as guest:
        assert await run(guest, "cat /data/rows.csv") == (b"1,2\n", 0)


async def test_scripted_programs_answer_what_they_are_sent() -> None:
    async with opened() as guest:
        program = await guest.spawn(["shout"], env={"END": "!"})
        await program.send(b"hey")
        assert await program.receive() == b"HEY!"
        await program.send(b"bye")
        assert await program.receive() == b""
        assert (await program.close()).exit_code == 0


async def test_a_peer_without_the_token_is_turned_away() -> None:
    backend = FakeBackend()
    await backend.start(SPEC)
    async with anyio.create_task_group() as tasks:
        with anyio.fail_after(5), pytest.raises(SandboxGone):
            await Guest(tasks, backend, "s1", "wrong").jobs()


async def test_a_guest_that_lost_its_stream_connects_again() -> None:
    backend = FakeBackend()
    async with opened(backend) as guest:
        await run(guest, "echo x > f")
        await guest.aclose()
        assert await run(guest, "cat f") == (b"x\n", 0)


async def test_an_ended_sandbox_is_gone_for_whoever_waits_and_whoever_comes() -> None:
    backend = FakeBackend()
    async with opened(backend) as guest:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(_expect_gone, guest)
            await anyio.wait_all_tasks_blocked()
            backend.guests["s1"].end()
        assert not await backend.alive("s1")
        with pytest.raises(SandboxGone):
            await backend.usage("s1")
        assert await backend.ids() == ["s1"]
    assert await backend.ids() == []


async def _expect_gone(guest: Guest) -> None:
    with pytest.raises(SandboxGone):
        await guest.run("hang", wait_s=60, time_limit=60)


async def test_a_backend_refuses_to_start_when_told_to_and_twice_the_same() -> None:
    backend = FakeBackend()
    await backend.start(SPEC)
    with pytest.raises(SandboxStartError, match="already"):
        await backend.start(SPEC)
    backend.refuse_start = "no room"
    with pytest.raises(SandboxStartError, match="no room"):
        await backend.start(SPEC)
    assert (await backend.usage("s1")).processes == 1
    assert await backend.prepare("plain") == "fake-plain"
