"""How many calls a second sixteen sessions get over HTTP, beside as many `docker exec` at once.

Sixteen clients, each with a session and a connection of its own, call `bash("true")` as fast as they are answered; then
sixteen threads run `docker exec` of `true`, each in a container of its own. Rounds are interleaved, so that a noisy
machine is noisy for both.

    python benchmarks/throughput.py [--rounds 5] [--seconds 4] [--check] [bubblewrap] [docker]
"""

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import anyio
from anyio import CapacityLimiter
from anyio.streams.buffered import BufferedByteStream
from tool_call import TASK, container, removed, task_with_many_steps

from mlgym_mcp.settings import inherited_environment

CLIENTS = 16
LEAST = 12.0
"""Times as many calls as `docker exec` gets that HTTP must get at least."""
MOST_HEAD = 4096
HEAD = """\
POST /mcp HTTP/1.1\r
Host: {netloc}\r
Content-Type: application/json\r
Accept: application/json, text/event-stream\r
MCP-Protocol-Version: 2026-07-28\r
Mcp-Method: tools/call\r
Mcp-Name: {tool}\r
Content-Length: {length}\r
\r
"""
META = {"io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientCapabilities": {}}

Work = Callable[[], Awaitable[object]]


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("backends", nargs="*", default=["bubblewrap", "docker"])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=4.0, help="length of each round")
    parser.add_argument("--check", action="store_true", help="exit with 1 when the target is missed")
    given = parser.parse_args()
    rates = anyio.run(measure, given.backends, given.rounds, given.seconds)
    if not report(rates, given.backends) and given.check:
        raise SystemExit(1)


async def measure(backends: list[str], rounds: int, seconds: float) -> dict[str, float]:
    """Measure everything in turn, `rounds` times: name → the median of calls a second."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        task_with_many_steps(folder / "tasks")
        subjects = {backend: await stack.enter_async_context(sessions(backend, folder)) for backend in backends}
        subjects["docker exec"] = await stack.enter_async_context(containers())
        rates: dict[str, list[float]] = {name: [] for name in subjects}
        for _ in range(rounds):
            for name, workers in subjects.items():
                rates[name].append(await rate(workers, seconds))
    return {name: statistics.median(found) for name, found in rates.items()}


async def rate(workers: list[Work], seconds: float) -> float:
    """Calls that all workers together make in a second."""
    done = 0

    async def work(call: Work) -> None:
        nonlocal done
        while time.perf_counter() < end:
            await call()
            done += 1

    end = time.perf_counter() + seconds
    began = time.perf_counter()
    async with anyio.create_task_group() as tasks:
        for call in workers:
            tasks.start_soon(work, call)
    return done / (time.perf_counter() - began)


@asynccontextmanager
async def sessions(backend: str, folder: Path) -> AsyncIterator[list[Work]]:
    """A server with its sessions: for each, one call to make again and again."""
    settings = {"data_dir": folder / backend, "tasks_dirs": folder / "tasks", "max_sessions": CLIENTS}
    settings |= {"max_memory": "1024GiB", "max_cpus": 1024}
    env = {
        **inherited_environment(),
        **{f"MLGYM_MCP_{name.upper()}": str(value) for name, value in settings.items()},
        "MLGYM_MCP_LOG_LEVEL": "warning",
    }
    command = [sys.executable, "-m", "mlgym_mcp", "serve", "--http", "--port", "0", "--sandbox", backend]
    async with AsyncExitStack() as stack:
        process = await stack.enter_async_context(await anyio.open_process(command, env=env, stdout=None))
        stack.callback(process.terminate)
        assert process.stderr is not None
        said = b""
        while b"/mcp\n" not in said:
            said += await process.stderr.receive()
        url = said.decode().split("serving MCP at ")[1].split("\n")[0]
        workers: list[Work] = []
        ends: list[Work] = []
        for _ in range(CLIENTS):
            connection = await stack.enter_async_context(connected(url))
            session = (await connection.call("start", task=TASK))["structuredContent"]["session"]
            workers.append(partial(connection.call, "bash", session=session, command="true"))
            ends.append(partial(connection.call, "end", session=session))
        yield workers
        for end in ends:
            await end()
        await removed(folder / backend / "sandboxes")


@dataclass(frozen=True)
class Connection:
    """One connection to a server, as cheap as can be: what it costs is taken from the server on the same machine."""

    stream: BufferedByteStream
    netloc: str

    async def call(self, tool: str, **arguments: Any) -> dict[str, Any]:
        """One tool call of the newest protocol revision."""
        params = {"name": tool, "arguments": arguments, "_meta": META}
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}).encode()
        head = HEAD.format(netloc=self.netloc, tool=tool, length=len(body))
        await self.stream.send(head.encode() + body)
        answered = (await self.stream.receive_until(b"\r\n\r\n", MOST_HEAD)).decode().lower()
        length = int(answered.split("content-length: ")[1].split("\r\n")[0])
        result: dict[str, Any] = json.loads(await self.stream.receive_exactly(length))["result"]
        assert not result.get("isError"), result
        return result


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[Connection]:
    """A connection of its own."""
    place = urlsplit(url)
    async with await anyio.connect_tcp(str(place.hostname), int(place.port or 0)) as stream:
        yield Connection(BufferedByteStream(stream), place.netloc)


@asynccontextmanager
async def containers() -> AsyncIterator[list[Work]]:
    """Containers, and for each one `docker exec` to make again and again."""
    limiter = CapacityLimiter(CLIENTS)
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(container(limiter)) for _ in range(CLIENTS)]


def report(rates: dict[str, float], backends: list[str]) -> bool:
    """Print the rates and what they come to; whether the target is met."""
    for name, found in rates.items():
        print(f"{name:<16} {found:8.1f} calls/s")
    ratios = {backend: rates[backend] / rates["docker exec"] for backend in backends}
    for backend, ratio in ratios.items():
        missed = "" if ratio >= LEAST else f" (MISSED: at least {LEAST:g} was the target)"
        print(f"{backend}: {ratio:.1f} times as many calls as {CLIENTS} parallel docker exec{missed}")
    return all(ratio >= LEAST for ratio in ratios.values())


if __name__ == "__main__":
    main()
