"""Sandboxes for the contract's tests: a backend by its name, and one sandbox of it, opened inside the test."""

import os
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from inspect import isawaitable
from pathlib import Path

import anyio
import pytest

from mlgym_mcp import services
from mlgym_mcp.sandbox.base import MIB, Backend, CommandResult, Limits, Mount, SandboxSpec
from mlgym_mcp.sandbox.bubblewrap import BubblewrapBackend
from mlgym_mcp.sandbox.disk import Disks
from mlgym_mcp.sandbox.docker import open_engine
from mlgym_mcp.sandbox.docker_backend import DockerBackend
from mlgym_mcp.sandbox.docker_stream import ExecTransport, SocketTransport
from mlgym_mcp.sandbox.environments import Environments, find_interpreter
from mlgym_mcp.sandbox.fake import FakeBackend
from mlgym_mcp.sandbox.guest import Guest
from mlgym_mcp.sandbox.lifecycle import open_sandbox
from mlgym_mcp.tasks.catalog import Catalog
from tests.cluster import cluster

PATIENCE = 60.0
"""Seconds that one test's sandboxes may take in all."""
LIMITS = Limits(memory=256 * MIB, disk=32 * MIB, shm=16 * MIB, tmp=32 * MIB, processes=100)
WATCHED = os.geteuid() != 0
"""Whether bubblewrap's guest watches memory and disk itself, as no kernel limit can be set."""

DOCKER = [pytest.param(kind, marks=pytest.mark.docker) for kind in ("docker", "docker-exec")]
"""Docker with the guest's socket in a bind-mounted folder, and with a relay to it."""
RAY = pytest.param("ray", marks=pytest.mark.ray)
"""bubblewrap on the nodes of a cluster."""
REAL = [
    "bubblewrap",
    pytest.param("docker", marks=pytest.mark.docker),
    pytest.param("docker-exec", marks=[pytest.mark.docker, pytest.mark.exhaustive]),
    pytest.param("ray", marks=[pytest.mark.ray, pytest.mark.exhaustive]),
]
"""Each backend always, and the ways through a relay and a cluster in the exhaustive run."""
GUESTS = ["bubblewrap", pytest.param("docker", marks=[pytest.mark.docker, pytest.mark.exhaustive])]
"""For what only the guest decides, which is the same in both."""
WAYS = ["bubblewrap", *DOCKER, RAY]
"""For what depends on the way to the guest: always."""
every_docker_sandbox = pytest.mark.parametrize("kind", DOCKER)
every_sandbox = pytest.mark.parametrize("kind", REAL)
every_way_to_a_sandbox = pytest.mark.parametrize("kind", WAYS)
every_sandbox_and_the_fake = pytest.mark.parametrize("kind", [*REAL, "fake"])


@dataclass(frozen=True, slots=True)
class Box:
    """One open sandbox."""

    guest: Guest
    backend: Backend
    spec: SandboxSpec

    async def run(self, command: str, *, wait_s: float = 20.0, time_limit: float = 30.0) -> CommandResult:
        """Run a command in the shell."""
        return await self.guest.run(command, wait_s=wait_s, time_limit=time_limit)

    async def start(self, command: str, *, time_limit: float = 60.0) -> CommandResult:
        """Start a command beside the shell."""
        return await self.guest.run(command, wait_s=0, time_limit=time_limit, background=True)

    async def output(self, command: str) -> str:
        """All that a command prints; it must end by itself, whatever its exit code."""
        result = await self.run(command)
        assert not result.running
        assert not result.omitted
        return (result.head + result.tail).decode()


async def until(happened: Callable[[], Awaitable[object] | object], *, within: float = 20.0) -> None:
    """Look again and again until something has happened that nobody tells us of."""
    with anyio.fail_after(within):
        while not (await seen if isawaitable(seen := happened()) else seen):  # noqa: ASYNC110
            await anyio.sleep(0.02)


@asynccontextmanager
async def open_backend(kind: str, folder: Path, *, disks: Disks | None = None) -> AsyncIterator[Backend]:
    """The backend of this name, with its data in a folder of the test's own."""
    if kind.startswith("docker"):
        async with open_engine() as engine:
            transport = ExecTransport(engine) if kind == "docker-exec" else SocketTransport()
            yield DockerBackend(folder / "data", engine, disks=disks, transport=transport)
    elif kind == "ray":
        settings = cluster.settings(folder / "data", folder / "cache")
        try:
            async with services.open_backend(settings, Catalog([])) as backend:
                yield backend
        finally:
            cluster.forget(folder / "data")
    elif kind == "bubblewrap":
        environments = Environments(folder / "cache", await find_interpreter())
        yield BubblewrapBackend(folder / "data", environments, disks=disks)
    else:
        yield FakeBackend()


def specify(
    *,
    limits: Limits = LIMITS,
    mounts: tuple[Mount, ...] = (),
    lifetime: float = 120.0,
    orphan_grace: float = 60.0,
    env: dict[str, str] | None = None,
) -> SandboxSpec:
    """A sandbox that no other test has."""
    return SandboxSpec(
        id=f"test{secrets.token_hex(6)}",
        token=secrets.token_hex(16),
        profile="plain",
        limits=limits,
        mounts=mounts,
        env=env or {},
        lifetime=lifetime,
        orphan_grace=orphan_grace,
    )


@asynccontextmanager
async def open_box(kind: str, folder: Path, spec: SandboxSpec | None = None) -> AsyncIterator[Box]:
    """A sandbox for the length of the block, which must not last."""
    spec = spec or specify()
    with anyio.fail_after(PATIENCE):
        async with open_backend(kind, folder) as backend, open_sandbox(backend, spec) as guest:
            yield Box(guest, backend, spec)
