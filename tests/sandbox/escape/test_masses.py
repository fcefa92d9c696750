"""Too many of what is harmless one at a time: jobs, files, folders. All is bounded, and the sandbox goes on."""

from pathlib import Path

import anyio
import pytest

from mlgym_mcp.errors import CommandRefused, InvalidSubmission
from mlgym_mcp.sandbox.base import MIB
from mlgym_mcp.sandbox.workspace import pack_workspace
from tests.sandbox import boxes
from tests.sandbox.boxes import GUESTS, LIMITS, Box, open_box, specify

LARGE = "# " + "x" * 20_000
EXPORTING = "printf -v LARGE %500000d 0; export LARGE"
LISTED = 100
RUNNING = 64
FILES, FOLDERS = 10_001, 20_001
"""One more than a submission may have."""


async def size_of(box: Box) -> int:
    """The guest's memory in bytes, as everybody may read it."""
    return int(await box.output("cut -d' ' -f2 /proc/1/statm")) * 4096


async def run_in_turn(box: Box, commands: list[str], times: int) -> None:
    for turn in range(times):
        started = await box.start(commands[turn % len(commands)])
        assert not (await box.guest.job_wait(started.job, wait_s=20)).running


@pytest.mark.parametrize("kind", GUESTS)
async def test_a_guest_remembers_little_of_jobs_that_are_over(kind: str, tmp_path: Path) -> None:
    async with open_box(kind, tmp_path) as box:
        before = await size_of(box)
        await run_in_turn(box, [LARGE, EXPORTING], 30)
        assert await size_of(box) < before + 3 * MIB, "eight came in"


@pytest.mark.parametrize("kind", GUESTS)
async def test_what_runs_is_listed_however_many_jobs_have_come_and_gone(kind: str, tmp_path: Path) -> None:
    async with open_box(kind, tmp_path) as box:
        first = await box.start("read")
        for _ in range(LISTED + 1):
            await box.run("")
        jobs = await box.guest.jobs()
        assert (jobs[0].job, jobs[0].running, len(jobs)) == (first.job, True, LISTED)


@pytest.mark.exhaustive
@pytest.mark.parametrize("kind", GUESTS)
async def test_ten_thousand_jobs_leave_a_sandbox_as_it_was(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(boxes, "PATIENCE", 1200.0)
    async with open_box(kind, tmp_path, specify(lifetime=1200.0)) as box:
        before = await size_of(box)
        waiting = [await box.start("read", time_limit=1100) for _ in range(RUNNING - 1)]
        await run_in_turn(box, [LARGE, EXPORTING, "nothing", "exit 3"], 1000)
        await box.guest.job_kill(waiting[0].job)
        for _ in range(9000):
            await box.run("true")
        assert await size_of(box) < before + 24 * MIB
        jobs = await box.guest.jobs()
        assert (len(jobs), sum(job.running for job in jobs)) == (LISTED, RUNNING - 2)
        with pytest.raises(CommandRefused, match="there is no job 'j100'; the latest jobs are: "):
            await box.guest.job_wait("j100", wait_s=0)
        assert await box.output("echo fine") == "fine\n"


@pytest.mark.parametrize("kind", GUESTS)
async def test_one_job_more_than_may_run_is_refused(kind: str, tmp_path: Path) -> None:
    async with open_box(kind, tmp_path) as box:
        for _ in range(RUNNING):
            await box.start("read")
        with pytest.raises(CommandRefused, match=f"{RUNNING} jobs are running already; kill one first"):
            await box.start("true")


async def look_at_masses(kind: str, folder: Path, files: int, folders: int) -> None:
    """Make as many, then let every tool look."""
    limits = LIMITS.model_copy(update={"disk": 500 * MIB})  # of which ext4 makes 128,000 inodes
    make = f"""python3 - <<'END'
import os
for name, count, make in (("files", {files}, lambda p: open(p, "w").close()), ("folders", {folders}, os.mkdir)):
    os.mkdir(name)
    for number in range(count):
        make(f"{{name}}/{{number}}")
END"""
    async with open_box(kind, folder, specify(limits=limits)) as box:
        made = await box.run(make, wait_s=boxes.PATIENCE, time_limit=boxes.PATIENCE)
        assert made.exit_code == 0, made.head
        before = await size_of(box)
        with anyio.fail_after(20):
            for path in ("files", "."):
                listing = (await box.guest.view(path)).data
                assert listing.endswith(b"(more entries left out)\n") and listing.count(b"\n") < 1100
            with pytest.raises(CommandRefused, match="can't be read"):
                await box.guest.view("files/none")
            for path, count in (("files", files), ("folders", folders)):
                if count:
                    with pytest.raises(InvalidSubmission, match="the submission has more than .0000 files"):
                        async for _ in box.guest.pack([path], max_size=MIB):
                            pass
            with pytest.raises(CommandRefused, match="the workspace has more than 1000000 bytes"):
                async for _ in pack_workspace(box.guest, max_size=1_000_000):
                    pass
            await box.guest.create("files/one-more", b"x")
            assert await box.output("cat files/one-more; echo fine") == "xfine\n"
        assert await size_of(box) < before + 32 * MIB


@pytest.mark.parametrize("kind", GUESTS)
async def test_more_files_than_a_submission_may_have_are_refused_by_number(kind: str, tmp_path: Path) -> None:
    await look_at_masses(kind, tmp_path, FILES, 0)


@pytest.mark.exhaustive
@pytest.mark.parametrize("kind", GUESTS)
async def test_a_hundred_thousand_files_are_looked_at_no_longer_than_ten_thousand(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(boxes, "PATIENCE", 300.0)
    await look_at_masses(kind, tmp_path, 100_000, FOLDERS)
