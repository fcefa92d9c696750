"""Faults on a cluster: what is lost is what was there, and nobody else notices."""

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp import Client

from mlgym_mcp.store import Store
from tests.cluster import cluster
from tests.cluster.stage import GAME, directory, emptied, kill_host, on_cluster
from tests.gateway import SHIPPED, Gateway, text
from tests.processes import http_server, stdio_server
from tests.sandbox.boxes import until

pytestmark = pytest.mark.ray

PINNED = "pinned-v1"
LONGER_THAN_RAY_WAITS = 5
"""Seconds; Ray itself would end a process three after a SIGTERM."""
ORPHAN_GRACE = 2.0
"""Seconds; sandboxes of a lost node, which on this machine live on, are to end soon."""


@asynccontextmanager
async def node_of_its_own() -> AsyncIterator[Any]:
    """A node that is added for the length of the block, and the only one on which the pinned task runs."""
    added = cluster.nodes().add_node(num_cpus=cluster.CPUS, labels={"worker": "pinned"})
    try:
        yield added
    finally:
        if added in cluster.nodes().worker_nodes:
            cluster.nodes().remove_node(added)


def pinned(folder: Path) -> Path:
    """A folder of tasks with the game in it, for nodes that are labelled so."""
    task = shutil.copytree(SHIPPED / GAME, folder / "tasks" / PINNED)
    text = (task / "task.yaml").read_text().replace(GAME, PINNED)
    (task / "task.yaml").write_text(text.replace("resources: {", "resources: {labels: {worker: pinned}, "))
    return task.parent


async def test_a_session_outlives_the_process_of_its_actor(tmp_path: Path, cache_dir: Path) -> None:
    async with on_cluster(tmp_path, cache_dir) as gateway:
        session = await gateway.start(GAME)
        await gateway.bash(session, "kept=in-the-shell; cd /tmp")
        (sandbox,) = await directory(tmp_path).sandboxes()
        await kill_host(tmp_path, sandbox)
        await until(lambda: answers(gateway, session))
        assert (await gateway.bash(session, "echo $kept; pwd")).startswith("in-the-shell\n/tmp\n")
        await gateway.call("end", session=session)
        await until(lambda: emptied(tmp_path))


async def test_a_node_that_is_lost_takes_its_own_sessions_alone(tmp_path: Path, cache_dir: Path) -> None:
    tasks_dirs = (pinned(tmp_path),)
    async with (
        node_of_its_own() as node,
        on_cluster(tmp_path, cache_dir, tasks_dirs=tasks_dirs, orphan_grace=ORPHAN_GRACE) as gateway,
        anyio.create_task_group() as tasks,
    ):
        lost, other = await gateway.start(PINNED), await gateway.start(GAME)
        await gateway.bash(lost, "echo what it did")
        validated = await gateway.score("validate", lost)
        answered = 0

        async def go_on() -> None:
            nonlocal answered
            while True:
                assert (await gateway.bash(other, "echo fine")).startswith("fine\n")
                answered += 1
                await anyio.sleep(3)  # its steps are to last

        tasks.start_soon(go_on)
        await until(lambda: answered)
        await anyio.to_thread.run_sync(cluster.nodes().remove_node, node, False)
        await until(lambda: is_lost(gateway, lost), within=120)
        seen = answered
        await until(lambda: answered > seen)
        tasks.cancel_scope.cancel()
    assert kinds(tmp_path, lost)[:2] == ["bash", "validate"]
    with Store.open(tmp_path / "data") as store:
        (kept,) = store.submissions.list(lost)
        assert store.artefacts.get(kept.artefact) is not None
        assert validated["outcome"] == "scored"


async def test_the_next_server_goes_on_with_the_sessions_of_one_that_was_killed(
    tmp_path: Path, cache_dir: Path
) -> None:
    address = cluster.nodes().address
    async with stdio_server(tmp_path, cache_dir, sandbox="ray", ray_address=address) as server:
        facts = (await server.call("start", task=GAME, gpus=1, wait_s=50))["structuredContent"]
        assert facts["state"] == "open", facts
        session = facts["session"]
        await server.call("bash", session=session, command="kept=in-the-shell; cd /tmp")
        server.process.kill()
        await server.process.wait()
    async with on_cluster(tmp_path, cache_dir) as gateway:
        assert (await gateway.bash(session, "echo $kept; pwd")).startswith("in-the-shell\n/tmp\n")
        assert (await gateway.score("submit", session))["outcome"] == "scored"
        await until(lambda: emptied(tmp_path))


async def test_a_server_that_is_told_to_end_answers_what_goes_on(tmp_path: Path, cache_dir: Path) -> None:
    address = cluster.nodes().address
    settings = {"sandbox": "ray", "ray_address": address, "drain_s": 30}
    async with http_server(tmp_path, cache_dir, **settings) as (url, process), Client(f"{url}/mcp") as client:
        started = await client.call_tool("start", {"task": GAME, "wait_s": 50})
        session = (started.structured_content or {})["session"]
        said: list[str] = []

        async def run() -> None:
            command = f"sleep {LONGER_THAN_RAY_WAITS}; echo done"
            said.append(text(await client.call_tool("bash", {"session": session, "command": command, "wait_s": 30})))

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(run)
            await until(lambda: "bash" in kinds(tmp_path, session))
            process.terminate()
        assert said[0].startswith("done\n")
        assert await process.wait() == 0


def kinds(folder: Path, session: str) -> list[str]:
    """Of which kinds a session's events are."""
    with Store.open(folder / "data") as store:
        return [event.kind for event in store.events.list(session)]


async def answers(gateway: Gateway, session: str) -> bool:
    return not (await gateway.client.call_tool("bash", {"session": session, "command": "true"})).is_error


async def is_lost(gateway: Gateway, session: str) -> bool:
    """Whether it is, by what a call tells."""
    answer = await gateway.client.call_tool("bash", {"session": session, "command": "true"})
    return "This session was lost" in text(answer)
