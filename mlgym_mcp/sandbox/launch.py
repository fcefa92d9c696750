"""Starting bubblewrap: the descriptors it inherits, its command line, and the child that it tells of."""

import fcntl
import hashlib
import json
import os
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import anyio
import structlog

from mlgym_mcp import assets
from mlgym_mcp.errors import SandboxStartError
from mlgym_mcp.sandbox import disk, unix
from mlgym_mcp.sandbox.base import ENVIRONMENT, OUTPUTS, RUNTIME, WORKSPACE, Mount, SandboxSpec
from mlgym_mcp.sandbox.cgroups import Cgroups
from mlgym_mcp.sandbox.gpu_nodes import gpu_nodes
from mlgym_mcp.sandbox.guest_config import Unenforced, guest_config
from mlgym_mcp.sandbox.process_identity import ProcessIdentity
from mlgym_mcp.sandbox.system_view import GROUP, PASSWD, system_view

BWRAP = "/usr/bin/bwrap"
ISOLATION = (
    *(BWRAP, "--unshare-user", "--uid", "1000", "--gid", "1000", "--unshare-pid", "--unshare-net", "--unshare-ipc"),
    *("--unshare-uts", "--unshare-cgroup-try", "--hostname", "sandbox", "--new-session", "--as-pid-1"),
    *("--cap-drop", "ALL", "--clearenv"),
)
PROC = ("--proc", "/proc", "--ro-bind", "/proc/sys", "/proc/sys")
"""Processes; settings read-only, for some belong to namespaces that are the sandbox's own user's."""
SOCKET, IMAGE, FOLDER, ERRORS = "guest.sock", "disk.ext4", "disk", "stderr.log"
STAGE = "/mnt"
"""Where launch.sh binds what bubblewrap, as an unprivileged uid, could not reach by its own path."""
CHILD_LIMIT = 10.0
"""Seconds within which bubblewrap must have told its child's process id."""
FIRST_UID, UIDS = 0x40000000, 0x10000000

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Confinement:
    """What this host allows the server to do for a sandbox."""

    root: bool
    cgroups: Cgroups | None
    disks: bool
    """Whether disks of a fixed size can be mounted."""

    def unenforced(self, spec: SandboxSpec) -> Unenforced:
        """The limits that are left to the guest."""
        return Unenforced(
            memory=None if self.cgroups else spec.limits.memory,
            disk=None if self.disks else spec.limits.disk,
            processes=None if self.cgroups else spec.limits.processes,
        )


@dataclass(slots=True)
class _Handed:
    """Descriptors that bubblewrap inherits, by the number they have there."""

    files: dict[int, int] = field(default_factory=dict)

    def give(self, descriptor: int) -> str:
        # Moved out of the way first, so that no number given is one still to be copied from.
        self.files[100 + len(self.files)] = fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, 200)
        os.close(descriptor)
        return str(99 + len(self.files))

    def give_bytes(self, content: bytes) -> str:
        descriptor = os.memfd_create("sandbox")
        os.write(descriptor, content)
        os.lseek(descriptor, 0, os.SEEK_SET)
        return self.give(descriptor)


@contextmanager
def _handed() -> Iterator[_Handed]:
    handed = _Handed()
    try:
        yield handed
    finally:
        for descriptor in handed.files.values():
            os.close(descriptor)


@dataclass(frozen=True, slots=True)
class Launched:
    """The processes of a sandbox that the host has to do with."""

    bubblewrap: int
    """The process id of bubblewrap itself, a child of this server."""
    guest: ProcessIdentity
    """Process 1 of the sandbox, which may not have got far yet."""


async def launch(
    spec: SandboxSpec, folder: Path, confinement: Confinement, *, interpreter: Path, environment: Path | None
) -> Launched:
    """Start bubblewrap in a sandbox's folder.

    Raises:
        SandboxStartError: bubblewrap ended before it had a child.
    """
    mounts = [Mount(assets.folder("sandbox"), RUNTIME), *spec.mounts]
    if environment:
        mounts.append(Mount(environment, ENVIRONMENT))
    for mount in mounts:
        if not await anyio.Path(mount.source).exists():
            raise SandboxStartError(f"{mount.source} is absent")
    prefix, confinement = await _prepare(spec, folder, confinement, mounts)
    told, tell = os.pipe()
    with os.fdopen(told, "rb", buffering=0) as info:
        with _handed() as handed:
            words = _bubblewrap(spec, interpreter, handed, info=handed.give(tell))
            listener = handed.give(unix.listen(folder, SOCKET))
            unenforced = confinement.unenforced(spec)
            config = guest_config(spec, socket=None, environment=environment is not None, unenforced=unenforced)
            guest = ["-I", "-S", f"{RUNTIME}/guest", "--config", handed.give_bytes(config), "--listen", listener]
            ending = ["--remount-ro", "/", "--remount-ro", "/dev", "--chdir", WORKSPACE, "--", str(interpreter)]
            command = [*prefix, *words, *_binds(spec, folder, confinement, mounts), *ending, *guest]
            pid = _spawn(command, handed, folder / ERRORS)
        try:
            # Not to be cancelled half-way: a process that nobody knows of could not be ended.
            with anyio.fail_after(CHILD_LIMIT, shield=True):
                return Launched(pid, await _child(info.fileno()))
        except BaseException:
            # With the child that it has made: until it has told of that one, it lies in the same process group.
            os.killpg(pid, signal.SIGKILL)
            os.waitpid(pid, 0)  # noqa: ASYNC222 -- it was just killed
            raise


def trial(folder: Path) -> list[str]:
    """A command that makes a sandbox as `launch` does, runs nothing in it, and so tells whether that works here."""
    words = [*ISOLATION, *system_view(Path("/usr/bin")), *PROC, "--dev", "/dev", "--", "/usr/bin/true"]
    return words if os.geteuid() != 0 else [*_unprivileged(FIRST_UID, folder, [], []), *words]


async def _prepare(
    spec: SandboxSpec, folder: Path, confinement: Confinement, mounts: Sequence[Mount]
) -> tuple[list[str], Confinement]:
    """Make the disk and the groups; what comes before bubblewrap's own command line, and what could be had of both."""
    if not confinement.root:
        for name in (WORKSPACE, OUTPUTS):
            (folder / name[1:]).mkdir(mode=0o700)
        return [], confinement
    if confinement.disks:
        place = folder / IMAGE
        await disk.make(place, spec.limits.disk)
    else:
        place = folder / FOLDER
        place.mkdir()
        place.chmod(0o755)  # the sandbox's uid passes through it
    groups: list[Path] = []
    if confinement.cgroups:
        try:
            groups = confinement.cgroups.create(spec.id, spec.limits)
        except OSError as error:
            log.warning("memory_watched_only", sandbox=spec.id, reason=str(error))
            confinement = replace(confinement, cgroups=None)
    return _unprivileged(_uid(spec.id), place, groups, mounts), confinement


def _unprivileged(uid: int, place: Path, groups: Sequence[Path], mounts: Sequence[Mount]) -> list[str]:
    """What a server that is root puts before bubblewrap's command line; `place` is the disk, image or folder."""
    staged = [word for index, mount in enumerate(mounts) for word in (str(mount.source), str(index))]
    script = str(assets.folder("sandbox") / "launch.sh")
    return [
        *("/usr/bin/unshare", "--mount", "--propagation", "private", "--", "/bin/sh", script),
        *(str(uid), str(place), " ".join(map(str, groups)), *staged, "--"),
    ]


def _bubblewrap(spec: SandboxSpec, interpreter: Path, handed: _Handed, *, info: str) -> list[str]:
    limits = spec.limits
    return [
        *(*ISOLATION, "--info-fd", info),
        *system_view(interpreter),
        *("--ro-bind-data", handed.give_bytes(PASSWD), "/etc/passwd"),
        *("--ro-bind-data", handed.give_bytes(GROUP), "/etc/group"),
        *(*PROC, "--dev", "/dev"),
        *gpu_nodes(spec.gpus),
        *("--size", str(limits.shm), "--perms", "1777", "--tmpfs", "/dev/shm"),
        *("--size", str(limits.tmp), "--perms", "1777", "--tmpfs", "/tmp"),
    ]


def _binds(spec: SandboxSpec, folder: Path, confinement: Confinement, mounts: Sequence[Mount]) -> Iterator[str]:
    place = Path(STAGE, "disk") if confinement.root else folder
    for target in (WORKSPACE, OUTPUTS):
        yield from ("--bind", str(place / target[1:]), target)
    for index, mount in enumerate(mounts):
        yield from ("--ro-bind", f"{STAGE}/{index}" if confinement.root else str(mount.source), mount.target)
    if confinement.cgroups:
        kills = confinement.cgroups.memory_kills(spec.id)  # which anybody may read
        yield from ("--ro-bind", str(kills.source), kills.target)


def _spawn(command: Sequence[str], handed: _Handed, errors: Path) -> int:
    actions: list[tuple[Any, ...]] = [
        (os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 2, str(errors), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600),
        (os.POSIX_SPAWN_DUP2, 2, 1),
        *((os.POSIX_SPAWN_DUP2, ours, theirs) for theirs, ours in handed.files.items()),
    ]
    env = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
    return os.posix_spawn(command[0], list(command), env, file_actions=actions, setsid=True)


async def _child(info: int) -> ProcessIdentity:
    text = b""
    while not text.rstrip().endswith(b"}"):
        await anyio.wait_readable(info)
        if not (data := os.read(info, 4096)):
            raise SandboxStartError("bubblewrap ended at once")
        text += data
    if child := ProcessIdentity.of(int(json.loads(text)["child-pid"])):
        return child
    raise SandboxStartError("the sandbox ended at once")


def _uid(sandbox_id: str) -> int:
    """A uid that no account has and no other sandbox is likely to share."""
    return FIRST_UID + int.from_bytes(hashlib.sha256(sandbox_id.encode()).digest()[:4], "big") % UIDS
