"""A server that is root where the host lacks loop mounts or cgroups: its sandboxes start, and their guests watch."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import pytest

from mlgym_mcp.sandbox import disk
from mlgym_mcp.sandbox.base import Backend, Limits
from mlgym_mcp.sandbox.bubblewrap import BubblewrapBackend
from mlgym_mcp.sandbox.cgroups import Cgroups
from mlgym_mcp.sandbox.disk import Disks
from mlgym_mcp.sandbox.environments import Environments, find_interpreter
from mlgym_mcp.sandbox.launch import ERRORS, Confinement, launch
from mlgym_mcp.sandbox.lifecycle import open_sandbox
from tests.sandbox import boxes
from tests.sandbox.boxes import DOCKER, LIMITS, PATIENCE, Box, specify

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="an ordinary user's guest watches anyway")

HOG = "python3 -c 'import time\nx = []\nwhile True: x.append(bytearray(b\"x\" * 10_000_000)); time.sleep(0.01)'"


def unusable_cgroups(folder: Path) -> Cgroups:
    """Version 2 in a container: its folders can be written, its controllers can't be given to groups."""
    (folder / "cgroup.subtree_control").mkdir(parents=True)
    return Cgroups(2, {"unified": folder / "mlgym-mcp"})


@asynccontextmanager
async def open_backend(
    kind: str, folder: Path, *, cgroups: Cgroups | None = None, disks: Disks | None = None
) -> AsyncIterator[Backend]:
    if cgroups is None:
        async with boxes.open_backend(kind, folder, disks=disks) as backend:
            yield backend
    else:
        environments = Environments(folder / "cache", await find_interpreter())
        yield BubblewrapBackend(folder / "data", environments, cgroups=cgroups, disks=disks)


@asynccontextmanager
async def open_box(
    kind: str, folder: Path, *, cgroups: Cgroups | None = None, disks: Disks | None = None
) -> AsyncIterator[Box]:
    spec = specify()
    with anyio.fail_after(PATIENCE):
        async with open_backend(kind, folder, cgroups=cgroups, disks=disks) as backend:
            async with open_sandbox(backend, spec) as guest:
                yield Box(guest, backend, spec)
            assert await backend.ids() == []


@pytest.mark.parametrize("kind", ["bubblewrap", *DOCKER])
async def test_without_loop_mounts_the_guest_watches_a_folder(kind: str, tmp_path: Path) -> None:
    async with open_box(kind, tmp_path, disks=Disks(work=False)) as box:
        assert await box.output("echo text > file; stat -c %U file; cat file") == "agent\ntext\n"
        filling = "head -c 16M /dev/zero > a; head -c 16M /dev/zero > b; head -c 16M /dev/zero > c; sleep 60"
        assert (await box.run(filling, wait_s=30, time_limit=60)).stopped == "disk"
        assert await box.output("rm a b c; echo room > again; cat again") == "room\n"


async def test_without_usable_cgroups_the_guest_watches_memory(tmp_path: Path) -> None:
    async with open_box("bubblewrap", tmp_path, cgroups=unusable_cgroups(tmp_path / "cgroup")) as box:
        assert (await box.run(HOG, wait_s=30)).stopped == "memory"
        assert await box.output("ulimit -u") == f"{LIMITS.processes}\n"


def test_cgroups_that_cannot_be_made_leave_nothing(tmp_path: Path) -> None:
    cgroups = unusable_cgroups(tmp_path)
    with pytest.raises(OSError, match="subtree_control"):
        cgroups.create("name", Limits())
    assert not (tmp_path / "mlgym-mcp" / "name").exists()


async def test_why_disks_cannot_be_mounted_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert await disk.failure() is None
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "mkfs.ext4" in (await disk.failure() or "")
    monkeypatch.setattr(disk, "LOOP_CONTROL", tmp_path / "absent")
    assert await disk.failure() == "there are no loop devices"


async def test_a_start_that_fails_leaves_no_descriptor_open(tmp_path: Path) -> None:
    (tmp_path / ERRORS).mkdir()  # so that bubblewrap's errors can't be written, and it isn't started
    interpreter = (await find_interpreter()).path
    before = os.listdir("/proc/self/fd")
    with pytest.raises(OSError, match="directory"):
        await launch(specify(), tmp_path, Confinement(True, None, False), interpreter=interpreter, environment=None)
    assert os.listdir("/proc/self/fd") == before
