"""How many calls a second sessions get over HTTP: 1, 16 and 64 at once.

Each session has a client and a connection of its own, and calls `bash("true")` as fast as it is answered. Beside it the
same clients call a tool that does nothing on the same server, and as many threads run `docker exec` of `true` as there
are containers.

    python benchmarks/throughput.py [--rounds 5] [--seconds 4] [--check] [bubblewrap] [docker]
"""

import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial

import anyio
from anyio import CapacityLimiter
from containers import executing
from measuring import Call, Claim, Plan, Round, interleaved, main
from serving import connected, http_server, place

SIZES = (1, 16, 64)
MIDDLE = 16
LEAST_OF_NOOPS = 0.75
"""Share of the rate of no-op calls that sixteen sessions get at least."""
LEAST_EXECS = 12.0
"""Times as many calls as sixteen parallel `docker exec`."""
EXEC = "docker exec"


async def measure(plan: Plan) -> list[Claim]:
    """Measure each backend at each size."""
    async with AsyncExitStack() as stack:
        subjects: dict[str, Round] = {}
        for backend in plan.backends:
            subjects |= await stack.enter_async_context(_sessions(backend, plan.seconds))
        if "docker" in plan.backends:
            limiter = CapacityLimiter(MIDDLE)
            calls = [await stack.enter_async_context(executing(limiter)) for _ in range(MIDDLE)]
            subjects[EXEC] = partial(rate, calls, plan.seconds)
        rates = await interleaved(subjects, plan.rounds)
    return [claim for backend in plan.backends for claim in _claims(rates, backend)]


async def rate(calls: list[Call], seconds: float) -> float:
    """Calls that all make together in a second, each again and again."""
    done = 0

    async def work(call: Call) -> None:
        nonlocal done
        while time.perf_counter() < end:
            await call()
            done += 1

    began = time.perf_counter()
    end = began + seconds
    async with anyio.create_task_group() as tasks:
        for call in calls:
            tasks.start_soon(work, call)
    return done / (time.perf_counter() - began)


@asynccontextmanager
async def _sessions(backend: str, seconds: float) -> AsyncIterator[dict[str, Round]]:
    most = max(SIZES)
    async with AsyncExitStack() as stack:
        at = await stack.enter_async_context(place(backend, max_sessions=most))
        server = await stack.enter_async_context(http_server(at))
        clients = [await stack.enter_async_context(connected(server.url)) for _ in range(most)]
        sessions = [await client.start() for client in clients]
        commands: list[Call] = [
            partial(client.call, "bash", session=session, command="true")
            for client, session in zip(clients, sessions, strict=True)
        ]
        noops: list[Call] = [partial(client.call, "noop") for client in clients]
        yield {
            **{f"{backend} {size}": partial(rate, commands[:size], seconds) for size in SIZES},
            f"{backend} no-op": partial(rate, noops[:MIDDLE], seconds),
        }
        for client, session in zip(clients, sessions, strict=True):
            await client.call("end", session=session)
        await at.emptied()


def _claims(rates: dict[str, float], backend: str) -> list[Claim]:
    one, middle, many = (rates[f"{backend} {size}"] for size in SIZES)
    noop = rates[f"{backend} no-op"]
    claims = [
        Claim(
            f"16 sessions at once over HTTP, {backend}, beside no-op calls",
            middle / noop,
            f"{middle:.0f} calls/s, no-op {noop:.0f}; one session alone {one:.0f}",
            at_least=LEAST_OF_NOOPS,
        ),
        Claim(f"64 at once, beside 16, {backend}", many / middle, f"{many:.0f} calls/s, {middle:.0f}", at_least=1.0),
    ]
    if execs := rates.get(EXEC):
        detail = f"{middle:.0f} calls/s, `docker exec` {execs:.0f}"
        what = f"16 at once, beside 16 `docker exec`, {backend}"
        claims.append(Claim(what, middle / execs, detail, at_least=LEAST_EXECS))
    return claims


if __name__ == "__main__":
    main(measure, __doc__)
