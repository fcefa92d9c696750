"""Limits: what exceeds them is stopped, and the guest answers all the while."""

from pathlib import Path

import anyio
import pytest

from mlgym_mcp.errors import CommandRefused
from mlgym_mcp.sandbox.base import MIB
from tests.sandbox.boxes import LIMITS, WATCHED, Box, every_sandbox, open_box, specify, until

HOG = "python3 -c 'import time\nx = []\nwhile True: x.append(bytearray(b\"x\" * 10_000_000)); time.sleep(0.01)'"
PAUSE = "sleep 5" if WATCHED else "true"
SPIN = """python3 - <<'END'
import os, time
for _ in range(4):
    if os.fork() == 0:
        while time.process_time() < 0.15:
            pass
        os._exit(0)
for _ in range(4):
    os.wait()
END"""
FORKS = "for i in $(seq 300); do sleep 600 & done; echo through"


def watched(box: Box) -> bool:
    return WATCHED and box.backend.name == "bubblewrap"


@every_sandbox
async def test_a_memory_hog_is_killed_and_the_guest_is_not(kind: str, tmp_path: Path) -> None:
    async with open_box(kind, tmp_path) as box:
        result = await box.run(HOG, wait_s=30)
        assert (result.running, result.stopped) == (False, "memory")
        assert result.exit_code in (137, -9)
        assert (await box.run(f"{HOG} | cat; true", wait_s=30)).stopped == "memory"
        after = await box.run("echo fine")
        assert (after.head, after.stopped) == (b"fine\n", None)


@every_sandbox
async def test_a_shell_that_eats_the_memory_is_replaced(kind: str, tmp_path: Path) -> None:
    async with open_box(kind, tmp_path) as box:
        result = await box.run("x=xxxxxxxxxxxxxxxx; while :; do x=$x$x; done", wait_s=30)
        assert (result.running, result.exit_code, result.stopped) == (False, -9, "memory")
        assert result.shell_lost
        assert await box.output("echo fine") == "fine\n"


@every_sandbox
async def test_memory_files_can_be_as_large_as_is_said_and_cannot_starve_the_guest(kind: str, tmp_path: Path) -> None:
    async with open_box(kind, tmp_path) as box:
        await box.run("cat /dev/zero > /tmp/filler; cat /dev/zero > /dev/shm/filler; true")
        assert await box.output("stat -c %s /tmp/filler /dev/shm/filler") == f"{LIMITS.tmp}\n{LIMITS.shm}\n"
        await box.run("rm /tmp/filler /dev/shm/filler")


@every_sandbox
async def test_busy_loops_have_no_more_cpus_than_the_limit(kind: str, tmp_path: Path) -> None:
    if WATCHED and kind == "bubblewrap":
        pytest.skip("there nothing limits CPUs")
    async with open_box(kind, tmp_path, specify(limits=LIMITS.model_copy(update={"cpus": 0.5}))) as box:
        before, began = (await box.backend.usage(box.spec.id)).cpu, anyio.current_time()
        assert (await box.run(SPIN)).exit_code == 0
        after, ended = (await box.backend.usage(box.spec.id)).cpu, anyio.current_time()
        assert before is not None and after is not None
        assert after - before < 0.5 * (ended - began) + 0.1  # what a quota's first period may let pass


@every_sandbox
async def test_processes_beyond_the_limit_are_refused_and_the_guest_works_on(kind: str, tmp_path: Path) -> None:
    async with open_box(kind, tmp_path) as box:
        await box.guest.create("file", b"content")
        await box.run("true")
        bomb = await box.start(FORKS)
        while b"Resource temporarily unavailable" not in (await box.guest.job_wait(bomb.job, wait_s=0.1)).head:
            pass
        if not watched(box):  # there the limit holds for what the agent starts, not for the guest
            with pytest.raises(CommandRefused, match="can't be started"):
                for _ in range(3):
                    await box.start("true")
        assert [chunk async for chunk in box.guest.pack(["file"], max_size=100)]
        assert await box.guest.read("file", max_size=100) == b"content"
        assert (await box.guest.job_kill(bomb.job)).stopped == "killed"
        assert await box.output("ls") == "file\n"


@every_sandbox
async def test_a_fork_bomb_is_ended_with_its_job(kind: str, tmp_path: Path) -> None:
    async with open_box(kind, tmp_path) as box:
        bomb = await box.start("bomb() { bomb | bomb & }; bomb; wait")
        await box.guest.job_wait(bomb.job, wait_s=0.5)
        await box.guest.job_kill(bomb.job)

        async def cleared() -> bool:
            try:
                return (await box.run("/bin/true")).exit_code == 0
            except CommandRefused:  # what was killed still counts until it has been collected
                return False

        await until(cleared)
        assert await box.output("echo fine") == "fine\n"


@every_sandbox
async def test_commands_refused_for_want_of_processes_leave_nothing_behind(kind: str, tmp_path: Path) -> None:
    if WATCHED and kind == "bubblewrap":
        pytest.skip("there the limit holds for what the agent starts, not for the guest")
    async with open_box(kind, tmp_path) as box:
        await box.run("true")
        bomb = await box.start(FORKS)
        while b"Resource temporarily unavailable" not in (await box.guest.job_wait(bomb.job, wait_s=0.1)).head:
            pass
        for _ in range(100):
            with pytest.raises(CommandRefused):
                await box.start("true")
        await box.guest.job_kill(bomb.job)
        assert len((await box.output("ls /outputs")).split()) <= 5


@every_sandbox
async def test_a_disk_that_fills_stops_the_writer(kind: str, tmp_path: Path) -> None:
    async with open_box(kind, tmp_path) as box:
        result = await box.run(f"head -c 16M /dev/zero > a; cat /dev/zero > b; cat /dev/zero > c; {PAUSE}", wait_s=30)
        if watched(box):
            assert result.stopped == "disk"
        else:
            assert b"No space left" in result.head
        await box.run("rm -f a b c; sleep 0.1")
        assert int((await box.output("du -sk . | cut -f1")).strip()) * 1024 <= LIMITS.disk
        assert await box.output("echo room > again; cat again") == "room\n"


@every_sandbox
async def test_output_without_end_is_bounded_by_the_disk(kind: str, tmp_path: Path) -> None:
    async with open_box(kind, tmp_path) as box:
        result = await box.run(f"yes || echo; {PAUSE}", wait_s=30)
        assert result.size <= LIMITS.disk + MIB
        assert not result.running
        assert (await box.run(f"rm {result.output_path}; echo fine")).exit_code == 0


@every_sandbox
async def test_a_disk_that_takes_no_new_file_can_still_be_cleared(kind: str, tmp_path: Path) -> None:
    async with open_box(kind, tmp_path) as box:
        await box.run("mkdir many; cd many; seq 20000 | xargs touch; echo $?")
        await box.run("cd ..; rm -r many; echo cleared")
        assert await box.output("echo room > file; ls; cat file") == "file\nroom\n"


@every_sandbox
async def test_open_files_are_limited(kind: str, tmp_path: Path) -> None:
    spec = specify(limits=LIMITS.model_copy(update={"open_files": 512}))
    async with open_box(kind, tmp_path, spec) as box:
        assert await box.output("ulimit -n") == "512\n"
        program = "python3 -c 'f = [open(\"/dev/null\") for _ in range(600)]'"
        assert b"Too many open files" in (await box.run(program)).head


@every_sandbox
async def test_processes_of_one_sandbox_do_not_count_for_another(kind: str, tmp_path: Path) -> None:
    async with open_box(kind, tmp_path / "one") as one, open_box(kind, tmp_path / "two") as two:
        await one.run("for i in $(seq 60); do sleep 600 & done")
        assert (await two.run("for i in $(seq 60); do sleep 600 & done; echo through")).head == b"through\n"


@every_sandbox
async def test_use_is_reported_where_the_kernel_counts_it(kind: str, tmp_path: Path) -> None:
    async with open_box(kind, tmp_path) as box:
        await box.run("sleep 600 & sleep 600 &")
        usage = await box.backend.usage(box.spec.id)
        if not watched(box):
            assert usage.processes is not None
            assert usage.memory is not None
            assert usage.processes >= 4
            assert 0 < usage.memory < LIMITS.memory
