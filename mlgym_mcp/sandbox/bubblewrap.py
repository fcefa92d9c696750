"""bubblewrap sandboxes: the embedded default on Linux, as root and as an ordinary user.

One path for both: bubblewrap always runs unprivileged. A server that is root starts each sandbox under a uid of its
own (`sandbox/launch.sh`), in cgroups and on a disk image of fixed size; what of these can't be had, as by an ordinary
user, the guest watches itself. The host makes the listening socket and hands it down, so that nothing of it is visible
inside.

A sandbox's folder is `<data>/sandboxes/bubblewrap-<id>`: socket, disk and the identity of its process 1. That is all
there is to know about it, so a restarted server finds its sandboxes by looking.
"""

import json
import os
import shutil
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

import anyio
from anyio import to_thread
from anyio.abc import ByteStream

from mlgym_mcp.errors import SandboxError, SandboxGone, SandboxStartError
from mlgym_mcp.sandbox import process, profiles, unix
from mlgym_mcp.sandbox.base import SandboxSpec, Usage
from mlgym_mcp.sandbox.cgroups import Cgroups
from mlgym_mcp.sandbox.disk import Disks
from mlgym_mcp.sandbox.environments import Environments
from mlgym_mcp.sandbox.launch import ERRORS, SOCKET, Confinement, launch
from mlgym_mcp.sandbox.lifecycle import started_whole
from mlgym_mcp.sandbox.link import handshake
from mlgym_mcp.sandbox.pid_namespace import kill_members
from mlgym_mcp.sandbox.process import Progress, silent
from mlgym_mcp.sandbox.process_identity import ProcessIdentity

PREFIX = "bubblewrap-"
STATE = "process.json"
PROMPT = 0.2
"""Seconds in which a killed sandbox ends that does nothing against it."""
END_LIMIT = 10.0
"""Seconds that a killed sandbox may take to be gone."""
END_LOOK = 0.003
"""Seconds between two looks at whether it is; nothing tells us, as its process 1 is no child of ours."""


class BubblewrapBackend:
    """Makes sandboxes with `bwrap`."""

    name = "bubblewrap"

    def __init__(
        self, data_dir: Path, environments: Environments, *, cgroups: Cgroups | None = None, disks: Disks | None = None
    ) -> None:
        """What the host can limit by `cgroups` and `disks` is found out where it is not given."""
        self._folder = data_dir / "sandboxes"
        self._environments = environments
        self._cgroups = cgroups or Cgroups.detect()
        self._disks = disks or Disks()
        self._children: dict[str, int] = {}

    async def start(self, spec: SandboxSpec) -> None:
        """Start a sandbox; on return its guest listens."""
        environment = await self._environments.prepare(profiles.load(spec.profile))
        folder = self._place(spec.id)
        try:
            await to_thread.run_sync(lambda: folder.mkdir(mode=0o700, parents=True))
        except FileExistsError:
            raise SandboxStartError(f"there is a sandbox {spec.id} already") from None
        async with started_whole(self, spec.id, lambda: _last_line(folder / ERRORS)):
            launched = await launch(
                spec,
                folder,
                Confinement(os.geteuid() == 0, self._cgroups, await self._disks.work()),
                interpreter=self._environments.interpreter.path,
                environment=environment.folder,
            )
            self._children[spec.id] = launched.bubblewrap
            (folder / STATE).write_text(json.dumps(asdict(launched.guest)))
            await handshake(await self.connect(spec.id), spec.token)

    async def connect(self, sandbox_id: str) -> ByteStream:
        """Open a new stream to the guest."""
        if not await self.alive(sandbox_id):
            raise SandboxGone("the sandbox is no longer alive")
        return await unix.connect(self._place(sandbox_id), SOCKET)

    async def alive(self, sandbox_id: str) -> bool:
        """Whether the sandbox's process 1 lives."""
        child = self._child(sandbox_id)
        return child is not None and child.alive

    async def usage(self, sandbox_id: str) -> Usage:
        """What the sandbox uses now; nothing is known without cgroups."""
        if not await self.alive(sandbox_id):
            raise SandboxGone("the sandbox is no longer alive")
        return self._cgroups.usage(sandbox_id) if self._cgroups else Usage(None, None, None)

    async def remove(self, sandbox_id: str) -> None:
        """Kill the sandbox, and remove its folder and cgroups.

        Raises:
            SandboxError: something of it is still alive; its folder stays, so that it is found again.
        """
        child = self._child(sandbox_id)
        if child:
            child.kill()
        elif self._cgroups:  # a server that was killed while it started it has not written down which process it is
            self._cgroups.kill(sandbox_id)
        if not await self._ends(sandbox_id, child, within=PROMPT) and child:
            await to_thread.run_sync(kill_members, child)
        if not await self._ends(sandbox_id, child, within=END_LIMIT):
            raise SandboxError(f"the sandbox {sandbox_id} was killed and has not ended in {END_LIMIT:g} s")
        await _remove_folder(self._place(sandbox_id))

    async def ids(self) -> list[str]:
        """The ids of all sandboxes that have left anything in the data folder."""
        if not self._folder.is_dir():
            return []
        return sorted(path.name.removeprefix(PREFIX) for path in self._folder.glob(f"{PREFIX}*"))

    async def prepare(self, profile: str, progress: Progress = silent) -> str:
        """Make the profile's environment if it is missing; the digest of interpreter and packages."""
        return (await self._environments.prepare(profiles.load(profile), progress)).digest

    async def _ends(self, sandbox_id: str, child: ProcessIdentity | None, *, within: float) -> bool:
        with anyio.move_on_after(within):
            while (child and child.alive) or not self._released(sandbox_id):  # noqa: ASYNC110 -- as END_LOOK says
                await anyio.sleep(END_LOOK)
            return True
        return False

    def _released(self, sandbox_id: str) -> bool:
        """Whether bubblewrap's own process has been collected, and the sandbox's cgroups could be removed."""
        if (pid := self._children.get(sandbox_id)) is not None:
            with suppress(ChildProcessError):
                if os.waitpid(pid, os.WNOHANG) == (0, 0):
                    return False
            del self._children[sandbox_id]
        try:
            if self._cgroups:
                self._cgroups.remove(sandbox_id)
        except OSError:
            return False
        return True

    def _place(self, sandbox_id: str) -> Path:
        return self._folder / f"{PREFIX}{sandbox_id}"

    def _child(self, sandbox_id: str) -> ProcessIdentity | None:
        try:
            return ProcessIdentity(**json.loads((self._place(sandbox_id) / STATE).read_text()))
        except (FileNotFoundError, ValueError):
            return None


async def _remove_folder(folder: Path) -> None:
    with suppress(RecursionError):
        await to_thread.run_sync(lambda: shutil.rmtree(folder, ignore_errors=True))
    if await anyio.Path(folder).exists():  # the agent left folders closed to their owner, or a thousand deep
        await process.run(["chmod", "--recursive", "--silent", "u+rwX", "--", str(folder)])
        await process.run(["rm", "--recursive", "--force", "--", str(folder)])


async def _last_line(file: Path) -> str:
    try:
        return ((await anyio.Path(file).read_text(errors="replace")).strip().splitlines() or [""])[-1][:500]
    except OSError:
        return ""
