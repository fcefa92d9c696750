"""Whether a server that many come to and go from keeps what it should have let go.

Customers come one after another, several at once, each for one visit (`customers.py`): they work and submit, branch,
run jobs, are cut off, spend their budget, walk away without a word, hang up midway, ruin their sandbox, ask for what is
wrong; over HTTP connections of their own, of both eras. Once a minute everything is counted that the server holds
(`census.py`), and a straight line through the counts tells the growth in an hour: flat is what grows by no more than a
twentieth of itself, as far as the samples can tell. Before and after, with nobody there, it is counted exactly.
The database, the audit log, artefacts and workspaces grow by design until they are pruned; what a session adds is told.
So does SQLite's cache of the database's pages, until it is full. Whether anything leaks is told by what allocators have
handed out; RSS steps up with what was ever needed at once, and PSS with the end of other programs that shared pages.

    python benchmarks/churn.py [--minutes 30] [--check] [bubblewrap] [docker]
"""

import random
import sys

import anyio
from census import Census
from customers import VISITS, Customer, Tally, Visit
from measuring import Claim, Plan, main, until
from serving import http_server, place

AT_ONCE = 6
"""Customers."""
MOST_SESSIONS = 100
POOL = 1
LEASE = 20.0
"""Seconds after which a session that was left alone is ended, give or take a look of its keeper's."""
MOST_WARMING = 600.0
"""Seconds of the same work before anything is counted: caches fill once, the allocator finds its level."""
PAUSE = 60.0
"""Seconds between two counts."""
SETTLING = 5.0
LONGEST_REST = 240.0
LOOKS = 4
"""At a server at rest, of which the least counts: a thread or a connection comes and goes with what is asked."""
GROWING = ("database, MB", "audit log, MB", "artefacts, MB", "workspaces, MB")
"""What grows by design, session by session."""
TOLD = ("RSS, MB", "PSS, MB", "SQLite's memory, MB")
"""What has no target: it is not for this process alone to say, or grows until it is full."""
AT_REST = ("descriptors", "threads", "tasks", "processes", "sandboxes", "containers", "mounts", "cgroups")
MOST_GROWTH = 1.05
"""Times as much memory as before that counts as the same."""


async def measure(plan: Plan) -> list[Claim]:
    """Let customers come to each backend in turn."""
    return [claim for backend in plan.backends for claim in await _churn(backend, plan.minutes)]


async def _churn(backend: str, minutes: float) -> list[Claim]:
    tally, warming = Tally(), Tally()
    settings = {"tools": "checkpoints,evaluation", "pool": POOL, "lease_s": LEASE, "connection_idle": LEASE}
    async with place(backend, max_sessions=MOST_SESSIONS, scoring_limit=2, **settings) as at:
        async with http_server(at) as server:
            census = Census(at, server, backend)
            await _come(server.url, min(MOST_WARMING, 20 * minutes), warming)
            before = await _rested(census)
            async with anyio.create_task_group() as counting:
                counting.start_soon(census.every, min(PAUSE, 6 * minutes))
                await _come(server.url, 60 * minutes, tally)
                counting.cancel_scope.cancel()
            after = await _rested(census)
        await at.emptied()
        left = census.disk()["instance files"]
    what = f"{minutes:g} minutes of {AT_ONCE} customers at once, {backend}"
    claims = [*_visits(what, tally), *_rests(what, before, after), *_trends(what, census)]
    claims += _each(what, before, after, tally)
    return [*claims, Claim(f"{what}: files of instances left", left, at_most=0, unit="")]


async def _come(url: str, seconds: float, tally: Tally) -> None:
    """Let customers come for a while; who has come by then is served to the end."""
    ends = anyio.current_time() + seconds
    visits, weights = zip(*VISITS, strict=True)

    async def come(seed: int) -> None:
        customer = Customer(url, tally, random.Random(seed))
        while anyio.current_time() < ends:
            (visit,) = customer.dice.choices(visits, weights)
            await _visit(visit, customer)

    async with anyio.create_task_group() as tasks:
        for seed in range(AT_ONCE):
            tasks.start_soon(come, seed)


async def _visit(visit: Visit, customer: Customer) -> None:
    name = visit.__name__.replace("_", " ")
    customer.tally.visits[name] += 1
    try:
        await visit(customer)
    except Exception as error:  # noqa: BLE001 - whatever went wrong, the others come all the same
        customer.tally.errors.append(name)
        print(f"{name}: {error!r}", file=sys.stderr, flush=True)


async def _rested(census: Census) -> dict[str, float]:
    """The counts with nobody there: leases are over, and only the warm sandboxes are left."""
    await anyio.sleep(SETTLING)  # so that what was hung up on has begun
    await until(lambda: len(census.at.sandboxes) == POOL, "all sessions were over", limit=LONGEST_REST, look=1.0)
    await anyio.sleep(LEASE + SETTLING)  # connections that nobody closed go by then
    print(f"at rest: {await census.tasks()}", file=sys.stderr, flush=True)
    looks = []
    for _ in range(LOOKS):
        looks.append(await census.count())
        await anyio.sleep(SETTLING)
    return {name: min(look[name] for look in looks) for name in looks[0]}


def _visits(what: str, tally: Tally) -> list[Claim]:
    kinds = ", ".join(f"{name} {count}" for name, count in tally.visits.most_common())
    detail = (
        f"{tally.visits.total()} visits, {tally.sessions} sessions, {tally.calls} calls, of which {tally.refused} were "
        f"refused as they should be: {kinds}"
    )
    return [Claim(f"{what}: errors", len(tally.errors), detail, at_most=0, unit="")]


def _rests(what: str, before: dict[str, float], after: dict[str, float]) -> list[Claim]:
    told = ", ".join(f"{name} {before[name]:g} → {after[name]:g}" for name in AT_REST)
    grown = sum(max(0, after[name] - before[name]) for name in AT_REST)
    memory = f"{before['RSS, MB']:.1f} MB → {after['RSS, MB']:.1f} MB"
    return [
        Claim(f"{what}: left when all are gone", grown, told, at_most=0, unit=""),
        Claim(f"{what}: memory when all are gone", after["RSS, MB"] / before["RSS, MB"], memory, at_most=MOST_GROWTH),
    ]


def _trends(what: str, census: Census) -> list[Claim]:
    claims = []
    for name in census.counts[0][1]:
        if name in GROWING:
            continue
        trend = census.trend(name)
        told = f"{trend.growth:+.2f} ± {trend.error:.2f} an hour, {trend.mean:.1f} on average of {len(census.counts)}"
        if name in TOLD:
            claims.append(Claim(f"{what}: growth of {name} an hour", trend.growth, told, unit=""))
            continue
        claims.append(Claim(f"{what}: growth of {name}", 0 if trend.flat else trend.growth, told, at_most=0, unit=""))
    return claims


def _each(what: str, before: dict[str, float], after: dict[str, float], tally: Tally) -> list[Claim]:
    claims = []
    for name in GROWING:
        each = 1024 * (after[name] - before[name]) / tally.sessions
        told = f"{before[name]:.1f} MB → {after[name]:.1f} MB"
        claims.append(Claim(f"{what}: {name.removesuffix(', MB')} a session", each, told, unit="kB"))
    return claims


if __name__ == "__main__":
    main(measure, __doc__)
