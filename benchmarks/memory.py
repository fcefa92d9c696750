"""What idle sessions and their server cost in memory.

Each session has run one command, so its shell is there. PSS is counted (shared pages in proportion): of a session every
process in its sandbox and what supervises it: `bwrap` and its launcher, or containerd's shim. dockerd and containerd
serve all containers; what they grew by is told beside. Of the server, its one process.

    python benchmarks/memory.py [--sessions 100] [--check] [bubblewrap] [docker]
"""

from contextlib import AsyncExitStack

from containers import engine_says
from kernel import PROC, executables, named, pss, with_descendants
from measuring import MIB, Claim, Plan, main
from serving import Place, connected, http_server, place

MOST = {"bubblewrap": 8.0, "docker": 12.0}
"""MB of PSS that an idle session may have."""
MOST_SERVER = 90.0
ENGINE = ("dockerd", "containerd")


async def measure(plan: Plan) -> list[Claim]:
    """Measure each backend."""
    return [claim for backend in plan.backends for claim in await _measure(backend, plan.sessions)]


async def _measure(backend: str, count: int) -> list[Claim]:
    async with AsyncExitStack() as stack:
        at = await stack.enter_async_context(place(backend, max_sessions=count))
        server = await stack.enter_async_context(http_server(at))
        client = await stack.enter_async_context(connected(server.url))
        engine = _engine()
        sessions = [await client.start() for _ in range(count)]
        for session in sessions:
            await client.call("bash", session=session, command="true")
        found = with_descendants({server.pid} | named(await _containers(at))) - {server.pid}
        if len(found) < count:
            raise RuntimeError(f"of {count} sandboxes only {len(found)} processes were found")
        each = _mib(found) / count
        grown = (_engine() - engine) / count
        whole = pss(PROC / str(server.pid)) / MIB
        for session in sessions:
            await client.call("end", session=session)
        await at.emptied()
    detail = f"{len(found) / count:.1f} processes each, {count} open"
    if backend == "docker":
        detail += f"; dockerd and containerd grew by {grown:.1f} MB each time besides"
    return [
        Claim(f"memory of an idle session, {backend}", each, detail, at_most=MOST[backend], unit="MB"),
        Claim(f"memory of the server, {backend}", whole, f"{count} sessions open", at_most=MOST_SERVER, unit="MB"),
    ]


async def _containers(at: Place) -> list[str]:
    """The whole ids of a server's containers, which their shims' command lines name; bubblewrap's are its children."""
    names = [f"mlgym-mcp-{name.removeprefix('docker-')}" for name in at.sandboxes if name.startswith("docker-")]
    return (await engine_says("inspect", "-f", "{{.Id}}", *names)).split() if names else []


def _engine() -> float:
    return _mib(executables(ENGINE))


def _mib(pids: set[int]) -> float:
    return sum(pss(PROC / str(pid)) for pid in pids) / MIB


if __name__ == "__main__":
    main(measure, __doc__)
