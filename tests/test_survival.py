"""A server process ends in every way there is; its sandboxes live on for the next one, or end by their lease."""

import json
import os
import signal
from pathlib import Path

import anyio
import pytest
from mcp import Client

from tests.gateway import open_gateway, text
from tests.processes import RawServer, http_server, stdio_server
from tests.tools.stage import ERAS, Era

SEXES = "battle-of-the-sexes-v1"


async def start(server: RawServer) -> str:
    facts = (await server.call("start", task=SEXES, wait_s=50))["structuredContent"]
    assert facts["state"] == "open"
    return str(facts["session"])


def guest_of(tmp_path: Path) -> int:
    """Process 1 of the one sandbox, as the host numbers it."""
    (state,) = (tmp_path / "data/sandboxes").glob("*/process.json")
    return int(json.loads(state.read_text())["pid"])


async def has_ended(pid: int) -> None:
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        await anyio.wait_readable(descriptor)
    finally:
        os.close(descriptor)


WAYS = ["end of input", signal.SIGTERM, signal.SIGINT, signal.SIGKILL, "death of the parent"]


@pytest.mark.parametrize("way", WAYS, ids=str)
async def test_a_server_that_ends_by(tmp_path: Path, cache_dir: Path, way: str | signal.Signals) -> None:
    """…leaves its session to the next server, which goes on in the same shell."""
    prefix = ("/bin/sh", "-c", 'exec 3<&0; "$@" <&3 & wait', "sh") if way == "death of the parent" else ()
    async with stdio_server(tmp_path, cache_dir, *prefix) as server:
        session = await start(server)
        await server.call("bash", session=session, command="cd /tmp; kept=in-the-shell; sleep 1000 & echo $! > pid")
        process = server.process
        if isinstance(way, signal.Signals):
            process.send_signal(way)
        elif way == "end of input" and process.stdin is not None:
            await process.stdin.aclose()
        else:
            process.kill()
        await process.wait()
        while process.stdout is not None:
            try:
                await process.stdout.receive()
            except anyio.EndOfStream:
                break
    async with open_gateway(tmp_path / "data", cache_dir) as gateway:
        shown = await gateway.bash(session, "echo $kept; pwd; kill -0 $(cat /tmp/pid) && echo still running")
        await gateway.call("end", session=session)
    assert shown.startswith("in-the-shell\n/tmp\nstill running\n")


async def test_a_sandbox_without_a_server_ends_by_its_lease(tmp_path: Path, cache_dir: Path) -> None:
    async with stdio_server(tmp_path, cache_dir, orphan_grace=0.5) as server:
        session = await start(server)
        guest = guest_of(tmp_path)
        server.process.kill()
        await server.process.wait()
        await has_ended(guest)
    async with open_gateway(tmp_path / "data", cache_dir) as gateway:
        result = await gateway.client.call_tool("bash", {"session": session, "command": "true"})
        facts = (await gateway.call("status", session=session)).structured_content
    assert result.is_error
    assert facts is not None and facts["state"] == "lost"


async def test_a_sandbox_whose_job_runs_waits_for_the_next_server(tmp_path: Path, cache_dir: Path) -> None:
    async with stdio_server(tmp_path, cache_dir, orphan_grace=0.5) as server:
        session = await start(server)
        # The job outlasts the grace several times, and ends only when the next server tells it to.
        await server.call("bash", session=session, command="read line; echo got $line", background=True)
        server.process.kill()
        await server.process.wait()
        with anyio.move_on_after(3):
            await has_ended(guest_of(tmp_path))
            pytest.fail("the sandbox ended while its job was running")
    async with open_gateway(tmp_path / "data", cache_dir) as gateway:
        fed = await gateway.call("job", session=session, job="j1", action="input", input="the news\n", wait_s=20)
        await gateway.call("end", session=session)
    assert "got the news" in str(fed.content)


@pytest.mark.parametrize("way", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP], ids=str)
async def test_a_server_over_http_that_is_told_to_end_leaves_its_session_to_the_next(
    tmp_path: Path, cache_dir: Path, way: signal.Signals
) -> None:
    async with http_server(tmp_path, cache_dir) as (url, process):
        async with Client(f"{url}/mcp") as other:
            started = await other.call_tool("start", {"task": SEXES, "wait_s": 50})
            session = str((started.structured_content or {})["session"])
            async with anyio.create_task_group() as calls:

                async def work() -> None:
                    with pytest.raises(Exception):  # noqa: B017, PT011 - whatever the client makes of a server that ends
                        async with Client(f"{url}/mcp", mode="legacy") as client:
                            await client.call_tool("bash", {"session": session, "command": COMMAND, "wait_s": 50})

                calls.start_soon(work)
                await begun(other, session)
                process.send_signal(way)
                assert await process.wait() == 0
    async with http_server(tmp_path, cache_dir) as (url, _), Client(f"{url}/mcp") as client:
        await client.call_tool("edit", {"session": session, **GO})
        said = text(await client.call_tool("job", {"session": session, "job": "j1", "wait_s": 50}))
        await client.call_tool("end", {"session": session})
    assert said.startswith("begun\ndone\n")


COMMAND = "echo begun; while [ ! -e go ]; do sleep 0.05; done; echo done"
GO = {"command": "create", "path": "go", "file_text": ""}


async def begun(client: Client, session: str) -> None:
    """Wait until the session's first command has printed."""
    while "begun" not in text(await client.call_tool("job", {"session": session, "job": "j1", "wait_s": 0})):
        await anyio.sleep(0.05)


async def test_a_command_whose_stdio_client_is_gone_is_found_over_http_and_by_other_revisions(
    tmp_path: Path, cache_dir: Path
) -> None:
    async with stdio_server(tmp_path, cache_dir) as server:
        session = await start(server)
        await server.send_call("bash", session=session, command=COMMAND, wait_s=50)
        while "begun" not in str(await server.call("job", session=session, job="j1", wait_s=0)):
            await anyio.sleep(0.05)
        server.process.kill()
        await server.process.wait()
    async with http_server(tmp_path, cache_dir) as (url, _):
        async with Client(f"{url}/mcp") as client:
            await begun(client, session)
            await client.call_tool("edit", {"session": session, **GO})
        async with Client(f"{url}/s/{session}/mcp", mode="legacy") as client:
            said = text(await client.call_tool("job", {"job": "j1", "wait_s": 50}))
    assert said.startswith("begun\ndone\n") and "[exit 0" in said
    async with stdio_server(tmp_path, cache_dir) as server:
        assert "begun" in str(await server.call("job", session=session, job="j1"))
        await server.call("end", session=session)


@pytest.mark.parametrize("era", ERAS)
async def test_a_command_goes_on_when_its_http_client_hangs_up(tmp_path: Path, cache_dir: Path, era: Era) -> None:
    async with http_server(tmp_path, cache_dir) as (url, _), Client(f"{url}/mcp") as other:
        started = await other.call_tool("start", {"task": SEXES, "wait_s": 50})
        session = str((started.structured_content or {})["session"])
        async with anyio.create_task_group() as calls:

            async def work() -> None:
                async with Client(f"{url}/mcp", mode=era) as client:
                    await client.call_tool("bash", {"session": session, "command": COMMAND, "wait_s": 50})

            calls.start_soon(work)
            await begun(other, session)
            calls.cancel_scope.cancel()
        await other.call_tool("edit", {"session": session, **GO})
        said = text(await other.call_tool("job", {"session": session, "job": "j1", "wait_s": 50}))
        await other.call_tool("end", {"session": session})
    assert said.startswith("begun\ndone\n") and "[exit 0" in said
