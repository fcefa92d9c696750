"""Leases: a sandbox ends by itself, at its deadline or when nobody needs it any more."""

from pathlib import Path

import anyio
from lease import LOOK

from tests.sandbox.boxes import Box, every_sandbox, every_way_to_a_sandbox, open_box, specify, until

GRACE = 0.3
LONG = 2 * LOOK + 0.2
"""Seconds in which the guest has looked twice, with the grace over before the second look."""


async def ended(box: Box) -> None:
    async def dead() -> bool:
        return not await box.backend.alive(box.spec.id)

    await until(dead)


@every_way_to_a_sandbox
async def test_the_deadline_ends_the_sandbox_even_while_a_job_runs(kind: str, tmp_path: Path) -> None:
    async with open_box(kind, tmp_path, specify(lifetime=1.0)) as box:
        await box.start("sleep 100")
        await ended(box)
        assert await box.backend.ids() == [box.spec.id]
    async with open_box(kind, tmp_path) as later:
        assert await later.backend.ids() == [later.spec.id]


@every_sandbox
async def test_a_renewed_lease_counts_from_now(kind: str, tmp_path: Path) -> None:
    async with open_box(kind, tmp_path) as box:
        await box.guest.renew(lifetime=2.0)
        await box.guest.renew(lifetime=60)
        assert await box.output("sleep 2.2; echo alive") == "alive\n"
        await box.guest.renew(lifetime=0.05)
        await ended(box)


@every_sandbox
async def test_a_sandbox_that_nobody_needs_ends_after_its_grace(kind: str, tmp_path: Path) -> None:
    async with open_box(kind, tmp_path, specify(orphan_grace=GRACE)) as box:
        await box.run("(setsid sleep 1000 &)")
        await box.guest.aclose()
        await ended(box)


@every_way_to_a_sandbox
async def test_a_running_job_or_a_server_keeps_the_sandbox_alive(kind: str, tmp_path: Path) -> None:
    async with open_box(kind, tmp_path, specify(orphan_grace=GRACE)) as box:
        await box.run("mkfifo gate")
        assert (await box.run(f"sleep {LONG}")).exit_code == 0  # its command runs, and it is connected
        job = (await box.start("read line < gate")).job
        await box.guest.aclose()
        await anyio.sleep(LONG)  # nobody is there but the job
        assert (await box.guest.job_wait(job, wait_s=0)).running
        await box.guest.job_kill(job)
        await box.guest.aclose()
        await ended(box)
