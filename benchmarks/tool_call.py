"""What one tool call costs: `bash("true")` through MCP over stdio, on each backend.

Beside it, on the same server, a tool that does nothing (the price of MCP itself), and one `docker exec` (the usual way
to run a command in a sandbox). Rounds are interleaved, so that a noisy machine is noisy for all of them alike.

    python benchmarks/tool_call.py [--rounds 5] [--calls 40] [--check] [bubblewrap] [docker]
"""

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import anyio
import yaml
from anyio import CapacityLimiter, to_thread
from mcp import Client, StdioServerParameters

from mlgym_mcp import assets, log, stdio
from mlgym_mcp.server import open_server
from mlgym_mcp.settings import Settings, inherited_environment

TASK = "battle-of-the-sexes-v1"
STEPS = 1_000_000
WARM_UP = 5
REMOVE_LIMIT = 20.0
MOST_NOOPS = 1.25
"""Times a no-op tool call that a command may cost at most."""
LEAST_COMMANDS = 20.0
"""Times a command that one `docker exec` costs at least."""

Measured = Callable[[], Awaitable[object]]


def main() -> None:
    """Measure, or be the server that is measured."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("backends", nargs="*", default=["bubblewrap", "docker"])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--calls", type=int, default=40, help="calls a round")
    parser.add_argument("--serve", nargs=2, metavar=("BACKEND", "FOLDER"), help=argparse.SUPPRESS)
    parser.add_argument("--check", action="store_true", help="exit with 1 when a target is missed")
    given = parser.parse_args()
    if given.serve:
        serve(*given.serve)
    medians = anyio.run(measure, given.backends, given.rounds, given.calls)
    if not report(medians, given.backends) and given.check:
        raise SystemExit(1)


def serve(backend: str, folder: str) -> None:
    """Be the real server, with one tool more."""
    log.configure("warning")
    place = Path(folder)
    settings = Settings.load({"sandbox": backend, "data_dir": place / backend, "tasks_dirs": (place / "tasks",)})

    async def noop() -> str:
        return ""

    @asynccontextmanager
    async def opening() -> AsyncIterator[Callable[[], Awaitable[None]]]:
        async with open_server(settings) as server:
            server.add_tool(noop, structured_output=False)
            yield server.run_stdio_async

    stdio.run(opening)


async def measure(backends: list[str], rounds: int, calls: int) -> dict[str, float]:
    """Measure everything in turn, `rounds` times: name → the median of the rounds' medians, in milliseconds."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        task_with_many_steps(folder / "tasks")
        subjects: dict[str, Measured] = {}
        for backend in backends:
            subjects |= await stack.enter_async_context(served(backend, folder))
        if "docker" in backends:
            subjects["docker exec"] = await stack.enter_async_context(container())
        medians: dict[str, list[float]] = {name: [] for name in subjects}
        for _ in range(rounds):
            for name, subject in subjects.items():
                medians[name].append(await median_time(subject, calls))
    return {name: statistics.median(found) for name, found in medians.items()}


def task_with_many_steps(folder: Path) -> None:
    """A copy of a shipped task whose budget outlasts the benchmark."""
    source, copy = assets.folder("tasks") / TASK, folder / TASK
    for path in source.rglob("*"):
        if path.is_file():
            place = copy / path.relative_to(source)
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(path.read_bytes())
    description = yaml.safe_load((copy / "task.yaml").read_text())
    description["budget"] = {**description.get("budget", {}), "steps": STEPS}
    (copy / "task.yaml").write_text(yaml.safe_dump(description))


@asynccontextmanager
async def served(backend: str, folder: Path) -> AsyncIterator[dict[str, Measured]]:
    """A server with an open session, and its two tools to measure."""
    command = [sys.executable, __file__, "--serve", backend, str(folder)]
    server = StdioServerParameters(command=command[0], args=command[1:], env=inherited_environment())
    async with Client(server) as client:
        started = await client.call_tool("start", {"task": TASK})
        assert not started.is_error, started.content
        session = (started.structured_content or {})["session"]

        async def bash() -> None:
            result = await client.call_tool("bash", {"command": "true", "session": session})
            assert not result.is_error, result.content

        async def noop() -> None:
            await client.call_tool("noop", {})

        yield {f"{backend}: bash": bash, f"{backend}: no-op tool": noop}
        await client.call_tool("end", {"session": session})
        await removed(folder / backend / "sandboxes")


async def removed(sandboxes: Path) -> None:
    """Wait until the server has removed its sandboxes, which it does after it has answered."""
    with anyio.move_on_after(REMOVE_LIMIT):
        while os.listdir(sandboxes):  # noqa: ASYNC110 - another process removes them
            await anyio.sleep(0.1)


@asynccontextmanager
async def container(limiter: CapacityLimiter | None = None) -> AsyncIterator[Measured]:
    """One `docker exec` of `true` in a container of the plain image; `limiter`: how many threads run such at once."""
    import docker

    from mlgym_mcp.sandbox import profiles
    from mlgym_mcp.sandbox.docker import open_engine
    from mlgym_mcp.sandbox.images import Images

    async with open_engine() as engine:
        image = await Images(engine).build(profiles.load(profiles.PLAIN))
    client = docker.from_env()
    running = client.containers.run(image, ["sleep", "3600"], detach=True, network_mode="none", init=True)

    async def execute() -> None:
        await to_thread.run_sync(running.exec_run, "true", limiter=limiter)

    try:
        yield execute
    finally:
        running.remove(force=True)
        client.close()


async def median_time(subject: Measured, calls: int) -> float:
    """The median time of a call, in milliseconds."""
    for _ in range(WARM_UP):
        await subject()
    times = []
    for _ in range(calls):
        began = time.perf_counter()
        await subject()
        times.append(1000 * (time.perf_counter() - began))
    return statistics.median(times)


def report(medians: dict[str, float], backends: list[str]) -> bool:
    """Print the medians and what they come to; whether every target is met."""
    for name, median in medians.items():
        print(f"{name:<24} {median:8.2f} ms")
    met = []
    for backend in backends:
        bash, noop = medians[f"{backend}: bash"], medians[f"{backend}: no-op tool"]
        met.append(bash / noop <= MOST_NOOPS)
        print(f"{backend}: a command costs {bash / noop:.2f} no-op tool calls{_missed(met[-1], 'at most', MOST_NOOPS)}")
        if execution := medians.get("docker exec"):
            met.append(execution / bash >= LEAST_COMMANDS)
            missed = _missed(met[-1], "at least", LEAST_COMMANDS)
            print(f"{backend}: one docker exec costs {execution / bash:.1f} commands{missed}")
    return all(met)


def _missed(met: bool, bound: str, target: float) -> str:
    return "" if met else f" (MISSED: {bound} {target:g} was the target)"


if __name__ == "__main__":
    main()
