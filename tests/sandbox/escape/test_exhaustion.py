"""Sandboxes that are used up from inside: theirs is the harm, and nobody else's; nothing of them is left."""

import os
from pathlib import Path

import pytest

from mlgym_mcp.errors import CommandRefused, InvalidSubmission, SandboxGone
from mlgym_mcp.sandbox.base import MIB
from mlgym_mcp.sandbox.lifecycle import open_sandbox
from tests.sandbox.boxes import LIMITS, REAL, Box, open_box, specify
from tests.sandbox.escape.bombs import BEGINNING, BOMBS
from tests.sandbox.test_contract_removal import (
    earlier_tests_leave_no_children,  # noqa: F401 - a fixture, used by itself
    nothing_remains,
)

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="a guest alone keeps only some of the limits")

SMALL = LIMITS.model_copy(update={"memory": 112 * MIB, "disk": 8 * MIB, "tmp": 16 * MIB, "processes": 64})
ENOUGH = 5.0
"""Seconds after which a bomb that goes on is ended."""


async def explode(box: Box, bomb: str) -> None:
    """Let a bomb go off, and end what is left of it, as a session would."""
    await box.guest.create("bomb.py", (BEGINNING + BOMBS[bomb]).encode())
    job = (await box.run("python3 bomb.py; cd /workspace; rm -rf many-* sparse submission.csv", wait_s=ENOUGH)).job
    await box.guest.job_kill(job)
    await box.run("kill -9 -1")
    await box.run("cd; ls | xargs rm -rf")


async def explode_all(kind: str, folder: Path) -> dict[str, tuple[str, str]]:
    """What a sandbox and its neighbour answer after each bomb; nothing is left of either then."""
    answers = {}
    neighbour = specify(limits=SMALL)
    async with open_box(kind, folder, specify(limits=SMALL)) as box:
        async with open_sandbox(box.backend, neighbour) as other:
            await other.run("x=kept", wait_s=5, time_limit=5)
            for bomb in BOMBS:
                await explode(box, bomb)
                kept = await other.run("echo $x", wait_s=10, time_limit=10)
                answers[bomb] = (await box.output("echo fine"), kept.head.decode())
    for spec in (box.spec, neighbour):
        await nothing_remains(folder, spec.id)
    return answers


@pytest.mark.parametrize("kind", REAL)
async def test_a_sandbox_used_up_by_its_agent_answers_and_harms_no_other(kind: str, tmp_path: Path) -> None:
    assert await explode_all(kind, tmp_path) == dict.fromkeys(BOMBS, ("fine\n", "kept\n"))


@pytest.mark.parametrize("kind", REAL)
async def test_an_agent_that_does_not_spare_its_guest_loses_its_session_and_nothing_else(
    kind: str, tmp_path: Path
) -> None:
    undone = 'open("/proc/self/oom_score_adj", "w").write("0")\n'
    async with open_box(kind, tmp_path, specify(limits=SMALL)) as box:
        await box.guest.create("bomb.py", (BEGINNING + undone + BOMBS["full sockets"]).encode())
        try:
            await box.run("echo 0 > /proc/self/oom_score_adj; python3 bomb.py", wait_s=ENOUGH)
            assert await box.output("echo fine") == "fine\n"
        except SandboxGone:
            pass
    await nothing_remains(tmp_path, box.spec.id)


@pytest.mark.parametrize("kind", REAL)
async def test_a_file_of_any_size_is_refused_by_every_tool_at_once(kind: str, tmp_path: Path) -> None:
    async with open_box(kind, tmp_path, specify(limits=SMALL)) as box:
        await box.run("truncate -s 16G sparse; truncate -s 16G submission.csv; ls -ls")
        for tool in (
            lambda: box.guest.view("sparse"),
            lambda: box.guest.str_replace("sparse", b"a", b"b"),
            lambda: box.guest.insert("sparse", 0, b"a"),
            lambda: box.guest.read("sparse", max_size=1000),
        ):
            with pytest.raises(CommandRefused, match="bytes"):
                await tool()
        with pytest.raises(InvalidSubmission, match="at most 1000 are taken"):
            async for _ in box.guest.pack(["submission.csv"], max_size=1000):
                pass
