"""Whether a server that works for long keeps what it should have let go.

Idle sessions lie beside busy ones, each of which runs commands, edits and looks over a connection of its own as fast as
it is answered. What the server's process holds is counted before and after, with the same sessions open and nothing
under way; that sandboxes and mounts are gone is looked at after the last session.

    python benchmarks/soak.py [--sessions 100] [--minutes 10] [--check] [bubblewrap] [docker]
"""

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import cycle
from typing import Any

import anyio
from kernel import mounts
from measuring import MIB, Claim, Plan, main
from serving import Place, connected, http_server, place

BUSY = 20
WARMING = 20.0
"""Seconds of the same work before anything is counted: caches fill once."""
SETTLING = 5.0
MOST_GROWTH = 1.05
"""Times as much memory as before that counts as the same."""
WORK: list[tuple[str, dict[str, Any]]] = [
    ("bash", {"command": "true"}),
    ("bash", {"command": "seq 2000"}),
    ("edit", {"command": "create", "path": "notes.txt", "file_text": "one\ntwo\n"}),
    ("edit", {"command": "view", "path": "notes.txt"}),
    ("status", {}),
]


async def measure(plan: Plan) -> list[Claim]:
    """Soak each backend in turn."""
    return [claim for backend in plan.backends for claim in await _soak(backend, plan)]


async def _soak(backend: str, plan: Plan) -> list[Claim]:
    counts: Counter[str] = Counter()
    async with place(backend, max_sessions=plan.sessions + BUSY) as at:
        async with http_server(at) as server, _open(server.url, at, plan.sessions + BUSY) as sessions:
            await _work(server.url, sessions[:BUSY], min(WARMING, 60 * plan.minutes), Counter())
            before = await _vitals(server.url)
            await _work(server.url, sessions[:BUSY], 60 * plan.minutes, counts)
            after = await _vitals(server.url)
        left = mounts(at.folder)
    what = f"{plan.sessions} idle and {BUSY} busy sessions for {plan.minutes:g} minutes, {backend}"
    changes = ", ".join(f"{name} {before[name]} → {after[name]}" for name in ("tasks", "threads", "files"))
    grown = sum(max(0, after[name] - before[name]) for name in ("tasks", "threads", "files"))
    memory = f"{before['memory'] / MIB:.1f} MB → {after['memory'] / MIB:.1f} MB"
    return [
        Claim(f"{what}: errors", counts["errors"], f"in {counts['calls']} calls", at_most=0, unit=""),
        Claim(f"{what}: tasks, threads and files left", grown, changes, at_most=0, unit=""),
        Claim(f"{what}: memory after", after["memory"] / before["memory"], memory, at_most=MOST_GROWTH),
        Claim(f"{what}: mounts left", left, "sandboxes left: 0", at_most=0, unit=""),
    ]


@asynccontextmanager
async def _open(url: str, at: Place, count: int) -> AsyncIterator[list[str]]:
    """Sessions, open and each with a shell; none is left."""
    async with connected(url) as client:
        sessions = [await client.start() for _ in range(count)]
        for session in sessions:
            await client.call("bash", session=session, command="true")
    yield sessions
    async with connected(url) as client:
        for session in sessions:
            await client.call("end", session=session)
    await at.emptied()


async def _work(url: str, sessions: list[str], seconds: float, counts: Counter[str]) -> None:
    """Let sessions work side by side for a while."""
    until = anyio.current_time() + seconds

    async def work(session: str) -> None:
        async with connected(url) as client:
            for tool, arguments in cycle(WORK):
                if anyio.current_time() >= until:
                    return
                counts["calls"] += 1
                try:
                    await client.call(tool, session=session, **arguments)
                except RuntimeError as error:
                    counts["errors"] += 1
                    print(error)

    async with anyio.create_task_group() as tasks:
        for session in sessions:
            tasks.start_soon(work, session)


async def _vitals(url: str) -> dict[str, int]:
    await anyio.sleep(SETTLING)
    async with connected(url) as client:
        vitals: dict[str, int] = (await client.call("vitals"))["structuredContent"]
    return vitals


if __name__ == "__main__":
    main(measure, __doc__)
