"""A server on the cluster, a client of it, and what the cluster has of its data folder."""

import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import ray

from mlgym_mcp.sandbox.cluster.directory import Directory
from tests.cluster import cluster
from tests.gateway import Gateway, open_gateway

GAME = "battle-of-the-sexes-v1"


@asynccontextmanager
async def on_cluster(folder: Path, cache_dir: Path, **settings: Any) -> AsyncIterator[Gateway]:
    """A server with its data below `folder`."""
    address = cluster.nodes().address
    try:
        async with open_gateway(folder / "data", cache_dir, sandbox="ray", ray_address=address, **settings) as gateway:
            yield gateway
    finally:
        cluster.forget(folder / "data")


def directory(folder: Path) -> Directory:
    """What Ray keeps for that data."""
    return Directory((folder / "data/cluster-name").read_text())


async def emptied(folder: Path) -> bool:
    """Whether no sandbox and no place is left of it."""
    return not await directory(folder).sandboxes() and not await directory(folder).places()


async def kill_host(folder: Path, sandbox: str) -> None:
    """Kill the process of a sandbox's actor."""
    place, node = (await directory(folder).sandboxes())[sandbox]
    actor = ray.get_actor(directory(folder).sandbox(place, node, sandbox))
    os.kill(await actor.__ray_call__.remote(lambda _: os.getpid()), signal.SIGKILL)
