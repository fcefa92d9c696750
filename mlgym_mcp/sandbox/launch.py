"""Starting bubblewrap: the descriptors it inherits, its command line, and the child that it tells of."""

import fcntl
import hashlib
import json
import os
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel

from mlgym_mcp import assets
from mlgym_mcp.errors import SandboxStartError
from mlgym_mcp.sandbox import disk, unix
from mlgym_mcp.sandbox.base import ENVIRONMENT, OUTPUTS, RUNTIME, WORKSPACE, Mount, SandboxSpec
from mlgym_mcp.sandbox.cgroups import Cgroups
from mlgym_mcp.sandbox.guest_config import Unenforced, guest_config
from mlgym_mcp.sandbox.process_identity import ProcessIdentity
from mlgym_mcp.sandbox.seccomp import bpf_filter
from mlgym_mcp.sandbox.system_view import GROUP, PASSWD, system_view

SOCKET, IMAGE, ERRORS = "guest.sock", "disk.ext4", "stderr.log"
STAGE = "/mnt"
"""Where launch.sh binds what bubblewrap, as an unprivileged uid, could not reach by its own path."""
CHILD_LIMIT = 10.0
"""Seconds within which bubblewrap must have told its child's process id."""
FIRST_UID, UIDS = 0x40000000, 0x10000000


@dataclass(frozen=True, slots=True)
class Confinement:
    """What this host allows the server to do for a sandbox."""

    root: bool
    cgroups: Cgroups | None

    @classmethod
    def detect(cls) -> "Confinement":
        """What this host allows now."""
        root = os.geteuid() == 0
        return cls(root, Cgroups.detect() if root else None)

    def unenforced(self, spec: SandboxSpec) -> Unenforced:
        """The limits that are left to the guest."""
        return Unenforced(
            memory=None if self.cgroups else spec.limits.memory,
            disk=None if self.root else spec.limits.disk,
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
    prefix = await _prepare(spec, folder, confinement, mounts)
    with _handed() as handed:
        listener = handed.give(unix.listen(folder, SOCKET))
        unenforced = confinement.unenforced(spec)
        config = guest_config(spec, socket=None, environment=environment is not None, unenforced=unenforced)
        told, tell = os.pipe()
        command = [
            *prefix,
            *_bubblewrap(spec, interpreter, handed, info=handed.give(tell)),
            *_binds(folder, confinement, mounts),
            *("--remount-ro", "/", "--remount-ro", "/dev", "--chdir", WORKSPACE, "--", str(interpreter)),
            *("-I", "-S", f"{RUNTIME}/guest", "--config", handed.give_bytes(config), "--listen", listener),
        ]
        pid = _spawn(command, handed, folder / ERRORS)
    try:
        with os.fdopen(told, "rb", buffering=0) as info:
            # Not to be cancelled half-way: a process that nobody knows of could not be ended.
            with anyio.fail_after(CHILD_LIMIT, shield=True):
                return Launched(pid, await _child(info.fileno()))
    except BaseException:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)  # noqa: ASYNC222 -- it was just killed
        raise


async def _prepare(spec: SandboxSpec, folder: Path, confinement: Confinement, mounts: Sequence[Mount]) -> list[str]:
    """Make the disk; what comes before bubblewrap's own command line."""
    if not confinement.root:
        for name in (WORKSPACE, OUTPUTS):
            (folder / name[1:]).mkdir(mode=0o700)
        return []
    image = folder / IMAGE
    await disk.make(image, spec.limits.disk)
    groups = confinement.cgroups.create(spec.id, spec.limits) if confinement.cgroups else []
    staged = [word for index, mount in enumerate(mounts) for word in (str(mount.source), str(index))]
    script = str(assets.folder("sandbox") / "launch.sh")
    return [
        *("/usr/bin/unshare", "--mount", "--propagation", "private", "--", "/bin/sh", script),
        *(str(_uid(spec.id)), str(image), " ".join(map(str, groups)), *staged, "--"),
    ]


def _bubblewrap(spec: SandboxSpec, interpreter: Path, handed: _Handed, *, info: str) -> list[str]:
    limits = spec.limits
    words = [
        *("/usr/bin/bwrap", "--unshare-user", "--uid", "1000", "--gid", "1000", "--unshare-pid", "--unshare-net"),
        *("--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try", "--hostname", "sandbox", "--new-session"),
        *("--as-pid-1", "--cap-drop", "ALL", "--clearenv", "--info-fd", info),
        *system_view(interpreter),
        *("--ro-bind-data", handed.give_bytes(PASSWD), "/etc/passwd"),
        *("--ro-bind-data", handed.give_bytes(GROUP), "/etc/group"),
        *("--proc", "/proc", "--dev", "/dev"),
        *("--size", str(limits.shm), "--perms", "1777", "--tmpfs", "/dev/shm"),
        *("--size", str(limits.tmp), "--perms", "1777", "--tmpfs", "/tmp"),
    ]
    if (program := bpf_filter()) is not None:
        words += ["--seccomp", handed.give_bytes(program)]
    return words


def _binds(folder: Path, confinement: Confinement, mounts: Sequence[Mount]) -> Iterator[str]:
    place = Path(STAGE, "disk") if confinement.root else folder
    for target in (WORKSPACE, OUTPUTS):
        yield from ("--bind", str(place / target[1:]), target)
    for index, mount in enumerate(mounts):
        yield from ("--ro-bind", f"{STAGE}/{index}" if confinement.root else str(mount.source), mount.target)


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
