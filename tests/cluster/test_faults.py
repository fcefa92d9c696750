"""Faults on a cluster: what is lost is what was there, and nobody else notices."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest

from tests.cluster import cluster
from tests.cluster.stage import GAME, directory, emptied, kill_host, node_of, on_cluster, sandbox_of
from tests.gateway import Gateway, text
from tests.processes import stdio_server
from tests.sandbox.boxes import until

pytestmark = pytest.mark.ray


@asynccontextmanager
async def one_more_node() -> AsyncIterator[Any]:
    """A node that is added for the length of the block, with a resource of its own."""
    added = cluster.nodes().add_node(num_cpus=cluster.CPUS, labels={"worker": "added"})
    try:
        yield added
    finally:
        if added.all_processes_alive() if hasattr(added, "all_processes_alive") else added.live_processes():
            cluster.nodes().remove_node(added)


async def test_a_session_outlives_the_process_of_its_actor(tmp_path: Path, cache_dir: Path) -> None:
    async with on_cluster(tmp_path, cache_dir) as gateway:
        session = await gateway.start(GAME)
        await gateway.bash(session, "kept=in-the-shell; cd /tmp")
        await kill_host(tmp_path, await sandbox_of(tmp_path, set()))
        await until(lambda: answers(gateway, session))
        assert (await gateway.bash(session, "echo $kept; pwd")).startswith("in-the-shell\n/tmp\n")
        await gateway.call("end", session=session)
        await until(lambda: emptied(tmp_path))


async def answers(gateway: Gateway, session: str) -> bool:
    return not (await gateway.client.call_tool("bash", {"session": session, "command": "true"})).is_error
