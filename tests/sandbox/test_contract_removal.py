"""Starting and removing: nothing is left behind, whatever happened in between."""

import os
import subprocess
from contextlib import suppress
from pathlib import Path

import anyio
import pytest

from mlgym_mcp.errors import SandboxStartError
from mlgym_mcp.sandbox.base import Mount
from mlgym_mcp.sandbox.lifecycle import open_sandbox
from tests.sandbox.boxes import (
    every_sandbox,
    every_sandbox_and_the_fake,
    every_way_to_a_sandbox,
    open_backend,
    open_box,
    specify,
    until,
)


@pytest.fixture(autouse=True)
def earlier_tests_leave_no_children() -> None:
    """Reap what tests have left whose event loop ended before it could."""
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def remains(folder: Path, sandbox_id: str) -> list[str]:
    """What this machine still holds of a sandbox."""
    found = [str(path) for path in folder.rglob(f"*{sandbox_id}*")]
    for place in ("mlgym-mcp", "*/mlgym-mcp"):  # not all of the tree, where groups of other programs come and go
        found += [str(path) for path in Path("/sys/fs/cgroup").glob(f"{place}/{sandbox_id}")]
    for name in ("/proc/self/mountinfo", "/proc/mounts"):
        found += [line for line in Path(name).read_text().splitlines() if sandbox_id in line]
    if os.geteuid() == 0:
        loops = subprocess.run(["/usr/sbin/losetup", "--all"], capture_output=True, text=True, check=True).stdout
        found += [line for line in loops.splitlines() if sandbox_id in line]
    for process in Path("/proc").glob("[0-9]*"):
        try:
            fields = (process / "stat").read_bytes().rpartition(b")")[2].split()
            words = (process / "cmdline").read_bytes()
        except OSError:
            continue
        if sandbox_id.encode() in words or (fields[0] == b"Z" and int(fields[1]) == os.getpid()):
            found.append(f"process {process.name}: {words!r}")
    return found


async def nothing_remains(folder: Path, sandbox_id: str) -> None:
    # A loop device goes away shortly after its last user.
    with suppress(TimeoutError):
        await until(lambda: not remains(folder, sandbox_id), within=5)
    assert remains(folder, sandbox_id) == []


@every_way_to_a_sandbox
async def test_nothing_is_left_of_a_removed_sandbox(kind: str, tmp_path: Path) -> None:
    async with open_box(kind, tmp_path) as box:
        await box.run("setsid sleep 1000 & head -c 1000000 /dev/urandom > file; cd /tmp; touch a")
        assert await box.backend.ids() == [box.spec.id]
        backend, sandbox_id = box.backend, box.spec.id
        await backend.remove(sandbox_id)
        assert await backend.ids() == []
        await backend.remove(sandbox_id)
        await nothing_remains(tmp_path, sandbox_id)


@every_sandbox_and_the_fake
async def test_removing_what_never_was_is_nothing(kind: str, tmp_path: Path) -> None:
    async with open_backend(kind, tmp_path) as backend:
        await backend.remove("never")
        assert await backend.ids() == []
        assert not await backend.alive("never")


@every_sandbox
async def test_a_tree_that_does_not_want_to_go_goes(kind: str, tmp_path: Path) -> None:
    deep = "import os\nfor i in range(1500): os.mkdir('d'); os.chdir('d')"
    async with open_box(kind, tmp_path) as box:
        await box.run("mkdir -p shut/in; touch shut/in/file; chmod 000 shut/in; chmod 500 shut; ln -s / out")
        await box.run(f'mkdir deep; cd deep; python3 -c "{deep}"; chmod 000 /workspace /outputs')
        sandbox_id = box.spec.id
    await nothing_remains(tmp_path, sandbox_id)


@every_sandbox_and_the_fake
async def test_one_id_is_one_sandbox(kind: str, tmp_path: Path) -> None:
    async with open_box(kind, tmp_path) as box:
        await box.run("x=first")
        with pytest.raises(SandboxStartError, match="already"):
            async with open_sandbox(box.backend, box.spec):
                pass
        assert await box.output("echo $x") == "first\n"


@every_way_to_a_sandbox
async def test_a_sandbox_that_cannot_start_leaves_nothing_and_says_why(kind: str, tmp_path: Path) -> None:
    spec = specify(mounts=(Mount(tmp_path / "absent", "/data"),))
    with pytest.raises(SandboxStartError, match="absent"):
        async with open_box(kind, tmp_path, spec):
            pass
    assert not (tmp_path / "absent").exists()
    async with open_backend(kind, tmp_path) as backend:
        assert await backend.ids() == []
    await nothing_remains(tmp_path, spec.id)


@every_way_to_a_sandbox
async def test_a_start_that_is_cancelled_leaves_nothing(kind: str, tmp_path: Path) -> None:
    async with open_backend(kind, tmp_path) as backend:
        for tenths in range(6):
            spec = specify()
            with anyio.move_on_after(0.002 + 0.015 * tenths):
                async with open_sandbox(backend, spec):
                    pass
            assert await backend.ids() == []
            await nothing_remains(tmp_path, spec.id)


@every_sandbox
async def test_a_block_that_fails_removes_its_sandbox_and_keeps_its_error(kind: str, tmp_path: Path) -> None:
    async with open_backend(kind, tmp_path) as backend:
        with pytest.raises(ZeroDivisionError):
            async with open_sandbox(backend, specify()) as guest:
                await guest.run("true", wait_s=5, time_limit=5)
                raise ZeroDivisionError
        assert await backend.ids() == []


@every_sandbox
async def test_several_start_at_once(kind: str, tmp_path: Path) -> None:
    async with open_backend(kind, tmp_path) as backend:
        said: list[bytes] = []

        async def one(number: int) -> None:
            async with open_sandbox(backend, specify()) as guest:
                said.append((await guest.run(f"echo {number}", wait_s=20, time_limit=20)).head)

        with anyio.fail_after(60):
            async with anyio.create_task_group() as tasks:
                for number in range(6):
                    tasks.start_soon(one, number)
        assert sorted(said) == [b"%d\n" % number for number in range(6)]
        assert await backend.ids() == []
