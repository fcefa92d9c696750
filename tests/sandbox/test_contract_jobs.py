"""Jobs: commands that outlast their call are waited for, followed, fed and ended."""

from pathlib import Path

import anyio
import pytest

from mlgym_mcp.errors import CommandRefused
from mlgym_mcp.sandbox.base import WORKSPACE
from tests.sandbox.boxes import Box, every_sandbox, every_sandbox_and_the_fake, open_box, until


@every_sandbox
async def test_a_command_that_overruns_its_call_goes_on_as_a_job(kind: str, tmp_path: Path) -> None:
    async with open_box(kind, tmp_path) as box:
        await box.run("mkfifo gate; export KEPT=1; cd /tmp")
        overrun = await box.run(f"echo begun; cat {WORKSPACE}/gate; exit 3", wait_s=0.3)
        assert (overrun.running, overrun.exit_code, overrun.head) == (True, None, b"begun\n")
        assert await box.output("pwd; echo $KEPT") == "/tmp\n1\n"
        await box.run(f"echo go > {WORKSPACE}/gate")
        ended = await box.guest.job_wait(overrun.job, wait_s=20)
        assert (ended.running, ended.exit_code, ended.head) == (False, 3, b"begun\ngo\n")


@every_sandbox
async def test_what_a_detached_command_does_to_its_shell_does_not_reach_the_next(kind: str, tmp_path: Path) -> None:
    async with open_box(kind, tmp_path) as box:
        await box.run("mkfifo gate")
        overrun = await box.run("cat gate; cd /tmp; export CHANGED=1", wait_s=0.2)
        await box.run("echo > gate")
        await box.guest.job_wait(overrun.job, wait_s=20)
        await box.run("exit")
        assert await box.output("pwd; echo $CHANGED") == f"{WORKSPACE}\n\n"


@every_sandbox
async def test_a_job_is_followed_by_offset(kind: str, tmp_path: Path) -> None:
    async with open_box(kind, tmp_path) as box:
        job = (await box.start("while read line; do echo got $line; done")).job
        await box.guest.job_input(job, b"one\n")
        first = await printed(box, job, 0, b"got one\n")
        await box.guest.job_input(job, b"two\n")
        second = await printed(box, job, len(first), b"got two\n")
        assert (first, second) == (b"got one\n", b"got two\n")
        beyond = await box.guest.job_wait(job, wait_s=0, offset=10_000)
        assert (beyond.head, beyond.tail, beyond.omitted) == (b"", b"", 0)


async def printed(box: Box, job: str, offset: int, end: bytes) -> bytes:
    head = b""
    while not head.endswith(end):
        head = (await box.guest.job_wait(job, wait_s=0.02, offset=offset)).head
    return head


@every_sandbox_and_the_fake
async def test_closing_its_input_lets_a_job_end(kind: str, tmp_path: Path) -> None:
    async with open_box(kind, tmp_path) as box:
        job = (await box.start("cat")).job
        await box.guest.job_input(job, b"some input")
        ended = await box.guest.job_input(job, b"", wait_s=20)
        assert (ended.running, ended.exit_code, ended.head) == (False, 0, b"some input")
        with pytest.raises(CommandRefused, match="ended"):
            await box.guest.job_input(job, b"more")


@every_sandbox
async def test_input_for_a_foreground_command_is_refused(kind: str, tmp_path: Path) -> None:
    async with open_box(kind, tmp_path) as box:
        job = (await box.run("sleep 60", wait_s=0.1)).job
        with pytest.raises(CommandRefused, match="background=true"):
            await box.guest.job_input(job, b"x")


@every_sandbox
async def test_input_nobody_reads_is_bounded(kind: str, tmp_path: Path) -> None:
    async with open_box(kind, tmp_path) as box:
        job = (await box.start("sleep 60")).job
        with pytest.raises(CommandRefused, match="not read"):
            for _ in range(20):
                await box.guest.job_input(job, bytes(1024 * 1024))


@every_sandbox_and_the_fake
async def test_an_unknown_job_is_refused_with_the_names_of_others(kind: str, tmp_path: Path) -> None:
    async with open_box(kind, tmp_path) as box:
        await box.run("true")
        with pytest.raises(CommandRefused, match=r"no job 'j9'.*j1"):
            await box.guest.job_wait("j9", wait_s=0)


@every_sandbox
async def test_killing_a_job_ends_all_that_came_from_it(kind: str, tmp_path: Path) -> None:
    stubborn = "trap '' TERM HUP; while :; do sleep 0.05; done"
    async with open_box(kind, tmp_path) as box:
        job = (await box.start(f'bash -c "bash -c \\"{stubborn} # stubborn\\" & wait" & setsid sleep 1234; true')).job

        async def started() -> bool:
            return "sleep 1234" in await processes(box)

        await until(started)
        killed = await box.guest.job_kill(job)
        assert (killed.running, killed.stopped) == (False, "killed")

        async def gone() -> bool:
            left = await processes(box)
            return "stubborn" not in left and "sleep 1234" not in left

        await until(gone)


async def processes(box: Box) -> str:
    """The command lines of all processes but the shell that asks."""
    listing = "for p in /proc/[0-9]*; do [ ${p#/proc/} = $$ ] || tr '\\0' ' ' <$p/cmdline; echo; done 2>/dev/null"
    return await box.output(listing)


@every_sandbox
async def test_killing_a_job_that_has_ended_ends_what_it_left_behind(kind: str, tmp_path: Path) -> None:
    async with open_box(kind, tmp_path) as box:
        job = (await box.start("sleep 4567 & sleep 4567 & echo left")).job
        assert not (await box.guest.job_wait(job, wait_s=20)).running

        async def left() -> bool:  # who was forked just now may not be called so yet
            return (await processes(box)).count("sleep 4567") == 2

        await until(left)
        assert (await box.guest.job_kill(job)).exit_code == 0

        async def gone() -> bool:
            return "sleep 4567" not in await processes(box)

        await until(gone)


@every_sandbox
async def test_killing_the_foreground_command_leaves_a_fresh_shell(kind: str, tmp_path: Path) -> None:
    async with open_box(kind, tmp_path) as box, anyio.create_task_group() as tasks:
        await box.run("export KEPT=1")

        async def begun() -> bool:
            return any(job.running and job.size for job in await box.guest.jobs())

        async def kill() -> None:
            await until(begun)
            await box.guest.job_kill("j2")

        tasks.start_soon(kill)
        killed = await box.run("echo begun; sleep 100")
        assert (killed.stopped, killed.shell_lost) == ("killed", True)
        assert await box.output("echo $KEPT") == "1\n"


@every_sandbox_and_the_fake
async def test_a_command_that_spends_its_time_is_ended_and_keeps_its_output(kind: str, tmp_path: Path) -> None:
    async with open_box(kind, tmp_path) as box:
        result = await box.run(
            "echo before; hang() { sleep 100; }; hang" if kind != "fake" else "echo before; hang", time_limit=0.3
        )
        assert (result.running, result.stopped, result.head) == (False, "command_time", b"before\n")


@every_sandbox
async def test_a_command_that_ignores_being_asked_is_ended_by_force(kind: str, tmp_path: Path) -> None:
    async with open_box(kind, tmp_path) as box:
        result = await box.run("trap '' TERM; while :; do sleep 0.1; done", time_limit=0.2)
        assert (result.stopped, result.exit_code) == ("command_time", -9)


@every_sandbox_and_the_fake
async def test_one_key_runs_one_command(kind: str, tmp_path: Path) -> None:
    async with open_box(kind, tmp_path) as box:
        for _ in range(3):
            result = await box.guest.run("echo once >> log", wait_s=10, time_limit=10, key="the same")
            assert result.job == "j1"
        assert await box.guest.read("log", max_size=100) == b"once\n"


@every_sandbox
async def test_a_caller_who_is_cancelled_finds_the_command_again(kind: str, tmp_path: Path) -> None:
    async with open_box(kind, tmp_path) as box:
        await box.run("mkfifo gate")
        with anyio.move_on_after(0.3):
            await box.guest.run("cat gate; echo done", wait_s=20, time_limit=60, key="mine")
        with pytest.raises(CommandRefused, match="busy with j2"):
            await box.run("true")
        await box.start("echo > gate")
        found = await box.guest.run("cat gate; echo done", wait_s=20, time_limit=60, key="mine")
        assert (found.job, found.exit_code, found.head) == ("j2", 0, b"\ndone\n")


@every_sandbox
async def test_a_long_command_does_not_block_the_reading_of_a_file(kind: str, tmp_path: Path) -> None:
    async with open_box(kind, tmp_path) as box, anyio.create_task_group() as tasks:
        await box.run("mkfifo gate; echo content > file")
        tasks.start_soon(box.run, "cat gate")
        assert await box.guest.read("file", max_size=100) == b"content\n"
        await box.start("echo > gate")


@every_sandbox
async def test_jobs_beyond_the_limit_are_refused(kind: str, tmp_path: Path) -> None:
    async with open_box(kind, tmp_path) as box:
        await box.run("mkfifo gate")
        with pytest.raises(CommandRefused, match="64 jobs are running"):
            for _ in range(70):
                await box.start("read line <gate")
        assert sum(job.running for job in await box.guest.jobs()) == 64
        await box.guest.job_kill("j2")
        await box.start("true")


@every_sandbox
async def test_many_jobs_with_long_names_are_all_listed(kind: str, tmp_path: Path) -> None:
    async with open_box(kind, tmp_path) as box:
        for _ in range(120):
            await box.guest.run(": " + "\x01é" * 200, wait_s=5, time_limit=5)
        jobs = await box.guest.jobs()
        assert (len(jobs), jobs[-1].job, jobs[-1].exit_code) == (100, "j120", 0)


@every_sandbox
async def test_the_output_of_a_job_that_the_agent_removed_is_missed_not_mourned(kind: str, tmp_path: Path) -> None:
    async with open_box(kind, tmp_path) as box:
        job = (await box.run("echo kept")).job
        for _ in range(20):
            await box.run("true")
        await box.run(f"rm /outputs/{job}.log; ln -s /etc/passwd /outputs/{job}.log")
        with pytest.raises(CommandRefused, match="can't be read"):
            await box.guest.job_wait(job, wait_s=0)
        await box.run("mkfifo /outputs/j24.log; rm -f /outputs/j25.log; ln -s /etc/passwd /outputs/j25.log")
        assert await box.output("echo own") == "own\n"
        assert await box.output("echo own too") == "own too\n"


@every_sandbox
async def test_a_background_job_has_what_the_command_before_it_exported(kind: str, tmp_path: Path) -> None:
    async with open_box(kind, tmp_path) as box:
        await box.run("export BULK=$(head -c 60000 /dev/zero | tr '\\0' x)")
        for number in range(20):
            await box.run(f"export LATEST={number}")
            job = await box.start("echo $LATEST")
            assert (await box.guest.job_wait(job.job, wait_s=10)).head == f"{number}\n".encode()
