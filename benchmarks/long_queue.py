"""What it costs the server to let one session in while many wait, each of whom is told its new place.

One session has the only place. It ends, the next is let in, and so on, until every one that still waits has been told.
The server's part alone: sessions by the manager itself, with the real store, over sandboxes that run nothing.

    python benchmarks/long_queue.py [--sessions 100] [--rounds 5] [--check]

As many wait as are asked for, three times as many and nine times as many.
"""

import statistics
import tempfile
import time
from collections import deque
from pathlib import Path

import anyio
import pretence
from kinds import KINDS, write_tasks
from measuring import Claim, Plan, main

from mlgym_mcp import log
from mlgym_mcp.meter import Meter
from mlgym_mcp.sandbox.fake import FakeBackend
from mlgym_mcp.sessions.call import Call
from mlgym_mcp.sessions.limits import SessionLimits
from mlgym_mcp.sessions.manager import SessionManager, StartRequest
from mlgym_mcp.sessions.session import Session
from mlgym_mcp.store import Store
from mlgym_mcp.tasks.catalog import Catalog

LENGTHS = (1, 3, 9)
NOW = Call(wait_s=0)


async def measure(plan: Plan) -> list[Claim]:
    """Measure queues of three lengths."""
    log.configure("warning")
    claims = []
    for length in [times * plan.sessions for times in LENGTHS]:
        with tempfile.TemporaryDirectory(prefix="mlgym-mcp-benchmark-") as folder:
            seconds = await _let_in(Path(folder), length, plan.rounds)
        each = 1_000_000 * statistics.median(seconds) / length
        detail = f"{each:.0f} µs for each who waits; {plan.rounds} let in, longest {1000 * max(seconds):.0f} ms"
        claims.append(
            Claim(f"CPU of letting one in, {length} waiting", 1000 * statistics.median(seconds), detail, unit="ms")
        )
    return claims


async def _let_in(folder: Path, length: int, times: int) -> list[float]:
    """The CPU seconds of this process each time that one was let in."""
    write_tasks(folder / "tasks")
    with Store.open(folder / "data") as store:
        services = pretence.services(store, Catalog([folder / "tasks"]), FakeBackend(), Meter())
        limits = SessionLimits(max_sessions=1, max_waiting=2 * length)
        async with SessionManager.open(services, limits) as manager:
            request = StartRequest(KINDS[0].task)
            inside = await manager.start(request)
            waiting = deque([await manager.start(request, call=NOW) for _ in range(length + times)])
            seconds = []
            for _ in range(times):
                await _told(waiting)
                began = time.process_time()
                await inside.end()
                inside = waiting.popleft()
                await inside.opened(Call())
                await _told(waiting)
                seconds.append(time.process_time() - began)
            return seconds


async def _told(waiting: deque[Session]) -> None:
    """Wait until the last in the queue knows its place."""
    place = f"; {len(waiting) - 1} wait before this one"
    while not str((await waiting[-1].status(call=NOW)).reason).endswith(place):
        await anyio.sleep(0.05)


if __name__ == "__main__":
    main(measure, __doc__)
