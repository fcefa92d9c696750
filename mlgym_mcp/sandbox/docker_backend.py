"""Docker sandboxes: one container each, its guest process 1, reached by a socket or a relay (`docker_stream`).

The guest reads its configuration, and may make its socket, in a bind-mounted folder, which is then closed to it:
whatever runs inside later can't put another file, or a link, in the socket's place. A server that is root beside its
engine gives each container a disk of fixed size where it can mount one; elsewhere the workspace is a volume, and the
guest watches its size.

Of the server's files the engine need only see the data and the cache folder, at the same path: what came with the
installation is copied, since a server that runs in a container has it where its engine does not look.
"""

import hashlib
import os
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import anyio
from anyio import to_thread
from anyio.abc import ByteStream

from mlgym_mcp import assets
from mlgym_mcp.errors import BackendUnavailable, SandboxError, SandboxGone, SandboxStartError
from mlgym_mcp.sandbox import disk, profiles
from mlgym_mcp.sandbox.base import OUTPUTS, RUNTIME, WORKSPACE, Mount, SandboxSpec, Usage
from mlgym_mcp.sandbox.disk import Disks
from mlgym_mcp.sandbox.docker import DockerEngine
from mlgym_mcp.sandbox.docker_stream import SOCKET_FOLDER, SocketTransport, Transport
from mlgym_mcp.sandbox.guest_config import Unenforced, guest_config
from mlgym_mcp.sandbox.images import Images
from mlgym_mcp.sandbox.lifecycle import started_whole
from mlgym_mcp.sandbox.link import handshake
from mlgym_mcp.sandbox.process import Progress, silent

PREFIX = "docker-"
CONTAINER = "mlgym-mcp-"
LABEL = "mlgym-mcp.data-folder"
UID = 10001
CONFIG = "config.json"
LISTEN_LIMIT = 20.0
"""Seconds within which the guest must have read its configuration, and listen."""
LISTEN_LOOK = 0.005
NO_WAY_OUT = (
    "this task may reach hosts, through a socket that can't be bound into the containers of this Docker engine "
    "(docker_stream=exec); start the server with --sandbox bubblewrap, or with an engine of this machine, not gVisor"
)
THREADS_EACH, THREADS_ALONE = 12, 100
"""What a runtime with a kernel of its own needs at most: threads for each process inside (9 were seen), and its own."""


class DockerBackend:
    """Makes sandboxes with a Docker engine that shares this machine's file system."""

    def __init__(
        self,
        data_dir: Path,
        engine: DockerEngine,
        images: Images | None = None,
        *,
        disks: Disks | None = None,
        transport: Transport | None = None,
    ) -> None:
        """Nothing is done yet.

        Args:
            data_dir: where the sandboxes' folders lie.
            engine: what runs the containers.
            images: where the engine's are made and found.
            disks: tried out where not given.
            transport: the way to the guests, a socket where not given. It must stay the same as long as sandboxes live.
        """
        self.name = f"docker+{engine.runtime}" if engine.runtime else "docker"
        self._folder = data_dir / "sandboxes"
        self._engine = engine
        self._images = images or Images(engine)
        self._disks = disks or Disks()
        self._transport = transport or SocketTransport()
        # Several servers and data folders share one engine: a sandbox belongs to the folder that made it.
        self._owner = hashlib.sha256(str(data_dir.resolve()).encode()).hexdigest()[:16]

    async def start(self, spec: SandboxSpec) -> None:
        """Start a sandbox; on return its guest listens.

        Raises:
            BackendUnavailable: it has a way out, and no socket crosses into this engine's containers.
        """
        if spec.has_way_out and not self._transport.crosses:
            raise BackendUnavailable(NO_WAY_OUT)
        profile = profiles.load(spec.profile)
        image = await self._images.built(profile)
        folder = self._place(spec.id)
        try:
            await to_thread.run_sync(lambda: folder.mkdir(mode=0o700, parents=True))
        except FileExistsError:
            raise SandboxStartError(f"there is a sandbox {spec.id} already") from None
        async with started_whole(self, spec.id, lambda: self._last_words(spec.id)):
            for mount in spec.mounts:
                if not await anyio.Path(mount.source).exists():  # the engine would make a folder there
                    raise SandboxStartError(f"{mount.source} is absent")
            mounts = [Mount(assets.folder("sandbox"), RUNTIME), *spec.mounts]
            binds = await self._disk(spec, folder) + await to_thread.run_sync(_shown, mounts, folder / "shipped")
            await self._write_config(spec, folder, environment=not profile.bare)
            options = self._options(spec, binds)
            if not (await self._engine.facts()).shares_kernel:
                options["pids_limit"] = THREADS_ALONE + THREADS_EACH * spec.limits.processes
            if spec.gpus:
                options["device_requests"] = [await self._engine.gpu_request([gpu.uuid for gpu in spec.gpus])]
            await self._engine.create(image.id, _guest_command(), **options)
            await self._await_guest(spec.id, folder / "run")
            if await self._disks.work():
                # The container has its own hold on it, so that it goes with the container, whatever becomes of us.
                await disk.unmount(folder / "disk")
            await handshake(await self.connect(spec.id), spec.token)

    async def connect(self, sandbox_id: str) -> ByteStream:
        """Open a new stream to the guest."""
        return await self._transport.connect(CONTAINER + sandbox_id, self._place(sandbox_id) / "run")

    async def alive(self, sandbox_id: str) -> bool:
        """Whether the container runs."""
        return await self._engine.running(CONTAINER + sandbox_id)

    async def usage(self, sandbox_id: str) -> Usage:
        """What the container uses now."""
        if not await self.alive(sandbox_id):
            raise SandboxGone("the sandbox is no longer alive")
        stats = await self._engine.stats(CONTAINER + sandbox_id)
        cpu = stats["cpu_stats"]["cpu_usage"]["total_usage"] / 1e9
        return Usage(stats["memory_stats"].get("usage"), cpu, stats["pids_stats"].get("current"))

    async def remove(self, sandbox_id: str) -> None:
        """Remove the container with its volumes, disk and folder.

        Raises:
            SandboxError: something of it is still there; its folder stays, so that it is found again.
        """
        await self._engine.remove(CONTAINER + sandbox_id)
        folder = self._place(sandbox_id)
        if await anyio.Path(folder / "disk").exists():
            await disk.unmount(folder / "disk")
        else:
            for volume in self._volumes(sandbox_id):
                await self._engine.remove_volume(volume)
        await _remove_folder(folder)

    async def ids(self) -> list[str]:
        """The ids of all sandboxes that have left a container or a folder."""
        containers = await self._engine.names(f"{LABEL}={self._owner}")
        folders = self._folder.glob(f"{PREFIX}*") if self._folder.is_dir() else ()
        found = {name.removeprefix(CONTAINER) for name in containers} | {
            path.name.removeprefix(PREFIX) for path in folders
        }
        return sorted(found)

    async def prepare(self, profile: str, progress: Progress = silent) -> str:
        """Build the profile's image if it is missing; its id."""
        return (await self._images.built(profiles.load(profile), progress)).id

    def _place(self, sandbox_id: str) -> Path:
        return self._folder / f"{PREFIX}{sandbox_id}"

    async def _disk(self, spec: SandboxSpec, folder: Path) -> list[str]:
        """Make where workspace and outputs lie; the binds that show them to the container."""
        if not await self._disks.work():
            return [f"{name}:{path}" for name, path in zip(self._volumes(spec.id), (WORKSPACE, OUTPUTS), strict=True)]
        await disk.make(folder / "disk.ext4", spec.limits.disk)
        await disk.mount(folder / "disk.ext4", folder / "disk")
        binds = []
        for path in (WORKSPACE, OUTPUTS):
            part = folder / "disk" / path[1:]
            part.mkdir(mode=0o755)
            os.chown(part, UID, UID)
            binds.append(f"{part}:{path}")
        return binds

    async def _write_config(self, spec: SandboxSpec, folder: Path, *, environment: bool) -> None:
        unenforced = Unenforced(
            disk=None if await self._disks.work() else spec.limits.disk,
            processes=None if (await self._engine.facts()).shares_kernel else spec.limits.processes,
        )
        run = folder / "run"
        run.mkdir()
        # Open while the guest reads its configuration, removes it and makes its socket; closed before anything runs.
        run.chmod(0o777)
        config = guest_config(spec, socket=self._transport.address, environment=environment, unenforced=unenforced)
        (run / CONFIG).write_bytes(config)
        (run / CONFIG).chmod(0o644)

    async def _await_guest(self, sandbox_id: str, run: Path) -> None:
        with anyio.move_on_after(LISTEN_LIMIT):
            while (run / CONFIG).exists() or not self._transport.listens(run):
                await anyio.sleep(LISTEN_LOOK)
                if not await self.alive(sandbox_id):
                    raise SandboxStartError("the container ended at once")
            await anyio.Path(run).chmod(0o755)
            return
        raise SandboxStartError("the guest did not listen in time")

    async def _last_words(self, sandbox_id: str) -> str:
        try:
            return (await self._engine.logs(CONTAINER + sandbox_id))[-500:]
        except SandboxError:
            return ""

    def _volumes(self, sandbox_id: str) -> list[str]:
        return [f"{CONTAINER}{sandbox_id}-{name}" for name in ("workspace", "outputs")]

    def _options(self, spec: SandboxSpec, binds: list[str]) -> dict[str, Any]:
        limits = spec.limits
        return {
            "name": CONTAINER + spec.id,
            "labels": {LABEL: self._owner},
            "user": f"{UID}:{UID}",
            "network_mode": "none",
            "ipc_mode": "private",
            "read_only": True,
            "cap_drop": ["ALL"],
            "security_opt": ["no-new-privileges"],
            "pids_limit": limits.processes,
            "mem_limit": limits.memory,
            "memswap_limit": limits.memory,
            "nano_cpus": int(limits.cpus * 1e9),
            "cpu_shares": limits.cpu_shares,
            "shm_size": limits.shm,
            "tmpfs": {"/tmp": f"rw,exec,nosuid,nodev,size={limits.tmp},mode=1777"},
            "log_config": {"Type": "json-file", "Config": {"max-size": "1m"}},
            "hostname": "sandbox",
            "working_dir": WORKSPACE,
            "volumes": [*binds, f"{self._place(spec.id) / 'run'}:{SOCKET_FOLDER}"],
        }


async def _remove_folder(folder: Path) -> None:
    await to_thread.run_sync(lambda: shutil.rmtree(folder, ignore_errors=True))


def _shown(mounts: Iterable[Mount], copies: Path) -> list[str]:
    """The binds that show these to a container, read-only; what is shipped is copied first."""
    binds = []
    for place, mount in enumerate(mounts):
        source = mount.source
        if assets.shipped(source):
            source = copies / str(place)
            if mount.source.is_dir():
                shutil.copytree(mount.source, source, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                source.parent.mkdir(exist_ok=True)
                shutil.copy(mount.source, source)
        binds.append(f"{source}:{mount.target}:ro")
    return binds


def _guest_command() -> list[str]:
    return ["/usr/bin/python3", "-I", "-S", f"{RUNTIME}/guest", "--config", f"{SOCKET_FOLDER}/{CONFIG}"]
