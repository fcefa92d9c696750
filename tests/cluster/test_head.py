"""The head of a cluster that keeps its records in Redis, killed and started anew."""

import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest

from tests.processes import stdio_server

pytestmark = [
    pytest.mark.ray,
    pytest.mark.exhaustive,
    pytest.mark.skipif(shutil.which("redis-server") is None, reason="redis-server is not installed"),
]

GAME = "battle-of-the-sexes-v1"


async def test_sessions_go_on_without_the_head_and_new_ones_with_the_next(
    tmp_path: Path, cache_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with redis() as records:
        monkeypatch.setenv("RAY_REDIS_ADDRESS", records)
        with cluster() as nodes:
            async with stdio_server(tmp_path, cache_dir, sandbox="ray", ray_address=nodes.address) as server:
                first = await server.call("start", task=GAME, wait_s=50)
                session = first["structuredContent"]["session"]
                await server.call("bash", session=session, command="kept=in-the-shell")
                nodes.head_node.kill_gcs_server()
                shown = await server.call("bash", session=session, command="echo $kept")
                assert shown["content"][0]["text"].startswith("in-the-shell\n")
                await anyio.to_thread.run_sync(nodes.head_node.start_gcs_server)
                later = await server.call("start", task=GAME, wait_s=50)
                assert later["structuredContent"]["state"] == "open"
                for one in (session, later["structuredContent"]["session"]):
                    score = await server.call("submit", session=one, wait_s=50)
                    assert score["structuredContent"]["outcome"] == "scored"


@contextmanager
def redis() -> Iterator[str]:
    """The address of a Redis that keeps everything in memory."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL) as program:
        try:
            yield f"127.0.0.1:{port}"
        finally:
            program.terminate()


@contextmanager
def cluster() -> Iterator[Any]:
    """A head, and one worker."""
    from ray.cluster_utils import Cluster

    nodes: Any = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
    try:
        nodes.add_node(num_cpus=4)
        yield nodes
    finally:
        nodes.shutdown()
