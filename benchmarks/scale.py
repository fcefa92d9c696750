"""What a session, a call and a score cost the server itself, and whether that can be foretold.

The real server over HTTP, with the real store and the real referee, over sandboxes that run nothing, so that what is
left is the server. At each of three sizes so many sessions are open at once, each over a connection of its own: they
start, lie idle, work, are scored and end, and what the server's process spends on each is read from the kernel and
from the server's own metrics. A load model is fitted at the two smaller sizes and held against the largest. What the
sandboxes of the pretence spend, in memory too, is within the figures, which are so a little higher than they should be.

    python benchmarks/scale.py [--sessions 100] [--rounds 5] [--check]

Half as many sessions as are asked for, one and a half times and four and a half times as many; some 5 minutes a round.
"""

import os
import sqlite3
import statistics
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio
import httpx2
from kernel import PROC
from load_model import KINDS, Kind, LoadModel, Measured, Spent
from measuring import MIB, Claim, Plan, main
from serving import Connection, Place, Served, connected, http_server, place

SIZES = (0.5, 1.5, 4.5)
"""Sessions at once, of those that are asked for; the last is foretold."""
TICK = 30.0
"""Seconds between two looks of a session's keeper: what is idle is watched for so long."""
SETTINGS = {"scoring_limit": 8, "max_connections": 4000}
WORK: list[tuple[str, dict[str, Any]]] = [
    ("bash", {"command": "echo hello"}),
    ("edit", {"command": "create", "path": "strategy.py", "file_text": "def row_strategy(history):\n    return 0\n"}),
    ("edit", {"command": "view", "path": "strategy.py"}),
    ("bash", {"command": "cat strategy.py"}),
    ("status", {}),
]
TOLERANCE = 0.15
"""By how much of what is measured the model may miss."""

Visit = Callable[[Connection, str], Coroutine[Any, Any, None]]


async def measure(plan: Plan) -> list[Claim]:
    """Measure each size in turn, as many times as there are rounds."""
    counts = [round(share * plan.sessions) for share in SIZES]
    rounds = [[await _measured(count) for count in counts] for _ in range(plan.rounds)]
    *known, foretold = [_median(sizes) for sizes in zip(*rounds, strict=True)]
    model = LoadModel.fitted(known)
    return [*_prices(model, [*known, foretold]), *_foretold(model, foretold)]


@dataclass(frozen=True, slots=True)
class Books:
    """What a server's process has spent."""

    at: Place
    server: Served

    def read(self) -> Spent:
        """All that was spent since it began."""
        metrics = httpx2.get(self.server.url.replace("/mcp", "/metrics"), verify=False).text
        transactions = next(
            line for line in metrics.splitlines() if line.startswith("mlgym_store_commit_seconds_count")
        )
        return Spent(self._cpu(), float(transactions.split()[-1]), self._stored())

    def _cpu(self) -> float:
        fields = (PROC / str(self.server.pid) / "stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def _stored(self) -> int:
        database = (self.at.folder / "mlgym.sqlite").as_uri() + "?mode=ro"
        with closing(sqlite3.connect(database, uri=True)) as connection:
            pages, size = (connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "page_size"))
        others = [self.at.folder / "audit.log", *(self.at.folder / "artefacts").glob("*.tar")]
        return int(pages * size) + sum(_size(path) for path in others)


@asynccontextmanager
async def _sessions(url: str, count: int) -> AsyncIterator[list[tuple[Connection, str]]]:
    """So many open sessions, each with its connection, all started at once."""
    async with AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(connected(url)) for _ in range(count)]
        handles: dict[int, str] = {}

        async def start(number: int) -> None:
            handles[number] = await clients[number].start()

        async with anyio.create_task_group() as tasks:
            for number in range(count):
                tasks.start_soon(start, number)
        yield [(clients[number], handle) for number, handle in sorted(handles.items())]


async def _all(sessions: list[tuple[Connection, str]], visit: Visit) -> None:
    """Do the same in all sessions at once."""
    async with anyio.create_task_group() as tasks:
        for client, session in sessions:
            tasks.start_soon(visit, client, session)


async def _works(client: Connection, session: str) -> None:
    for tool, arguments in WORK:
        await client.call(tool, session=session, **arguments)


async def _validates(client: Connection, session: str) -> None:
    answer = await client.call("validate", session=session, wait_s=50)
    assert answer["structuredContent"]["outcome"] == "scored", answer


async def _ends(client: Connection, session: str) -> None:
    await client.call("end", session=session)


async def _measured(count: int) -> Measured:
    """One size, once."""
    async with place("fake", max_sessions=count + 1, **SETTINGS) as at, http_server(at) as server:
        books, spent = Books(at, server), dict[Kind, Spent]()
        async with _sessions(server.url, 5) as few:  # caches fill once
            for visit in (_works, _validates, _ends):
                await _all(few, visit)
        began = books.read()

        def book(kind: Kind) -> None:
            nonlocal began
            now = books.read()
            spent[kind], began = now - began, now

        await anyio.sleep(TICK)
        book("second")
        async with _sessions(server.url, count) as sessions:
            book("start")
            await anyio.sleep(TICK)
            book("idle second")
            spent["idle second"] -= spent["second"]
            memory = (await sessions[0][0].call("vitals"))["structuredContent"]["memory"]
            began = books.read()
            await _all(sessions, _works)
            book("call")
            await _all(sessions, _validates)
            book("score")
            await _all(sessions, _ends)
            book("end")
    counts: dict[Kind, float] = {"start": count, "call": count * len(WORK), "score": count, "end": count}
    counts |= {"second": TICK, "idle second": count * TICK}
    return Measured(count, counts, spent, memory)


def _median(rounds: tuple[Measured, ...]) -> Measured:
    """Of each figure the median of its rounds."""
    spent = {
        kind: Spent(
            cpu=statistics.median(one.spent[kind].cpu for one in rounds),
            transactions=statistics.median(one.spent[kind].transactions for one in rounds),
            stored=statistics.median(one.spent[kind].stored for one in rounds),
        )
        for kind in KINDS
    }
    return Measured(rounds[0].sessions, rounds[0].counts, spent, statistics.median(one.memory for one in rounds))


def _prices(model: LoadModel, sizes: list[Measured]) -> list[Claim]:
    """What one of each kind costs, and what it cost at each size."""
    claims = []
    for kind, price in model.prices.items():
        told = ", ".join(f"{size.sessions}: {1000 * size.each(kind).cpu:.3g}" for size in sizes)
        detail = f"{told} ms; {price.transactions:.3g} transactions, {price.stored / 1024:.2g} kB"
        claims.append(Claim(f"CPU of one {kind}", 1000 * price.cpu, detail, unit="ms"))
    told = ", ".join(f"{size.sessions}: {size.memory / MIB:.1f} MB" for size in sizes)
    return [*claims, Claim("memory of one open session", model.session / 1024, told, unit="kB")]


def _foretold(model: LoadModel, size: Measured) -> list[Claim]:
    """What the model says of a size that it has not seen, beside what was measured there."""
    spent, what = model.spent(size.counts), f"foretold / measured at {size.sessions} sessions"
    pairs = {
        "CPU, s": (spent.cpu, size.total.cpu),
        "transactions": (spent.transactions, size.total.transactions),
        "store, MB": (spent.stored / MIB, size.total.stored / MIB),
        "memory, MB": (model.memory(size.sessions) / MIB, size.memory / MIB),
    }
    most, least = 1 + TOLERANCE, 1 - TOLERANCE
    return [
        Claim(f"{what}: {name}", said / found, f"{said:.4g} / {found:.4g}", at_most=most, at_least=least)
        for name, (said, found) in pairs.items()
    ]


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


if __name__ == "__main__":
    main(measure, __doc__)
