"""Steps a second of Gymnasium environments: sixteen in one vector, and one alone, each step `true` in a shell.

Beside them, on the same server and by the same client (the SDK's), sixteen at once call a tool that does nothing.

    python benchmarks/environments.py [--rounds 5] [--seconds 4] [--check] [bubblewrap] [docker]
"""

import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial

from anyio import to_thread
from mcp import Client
from measuring import Claim, Plan, Round, interleaved, main
from mlgym_clients.gym import MLGymVectorEnv
from serving import TASK, http_server, place
from throughput import rate

MANY = 16


async def measure(plan: Plan) -> list[Claim]:
    """Measure each backend."""
    async with AsyncExitStack() as stack:
        subjects: dict[str, Round] = {}
        for backend in plan.backends:
            subjects |= await stack.enter_async_context(_environments(backend, plan.seconds))
        rates = await interleaved(subjects, plan.rounds)
    return [_claim(rates, backend) for backend in plan.backends]


@asynccontextmanager
async def _environments(backend: str, seconds: float) -> AsyncIterator[dict[str, Round]]:
    async with place(backend, max_sessions=MANY + 1) as at, http_server(at) as served, Client(served.url) as client:

        async def noop() -> None:
            await client.call_tool("noop", {})

        many, one = (MLGymVectorEnv(TASK, number, url=served.url) for number in (MANY, 1))
        for environments in (many, one):
            await to_thread.run_sync(environments.reset)
        yield {
            f"{backend} {MANY}": partial(to_thread.run_sync, _stepping, many, seconds),
            f"{backend} 1": partial(to_thread.run_sync, _stepping, one, seconds),
            f"{backend} no-op": partial(rate, [noop] * MANY, seconds),
        }
        for environments in (many, one):
            await to_thread.run_sync(environments.close)
        await at.emptied()


def _stepping(environments: MLGymVectorEnv, seconds: float) -> float:
    """Steps of all of them in a second."""
    done, began = 0, time.perf_counter()
    while time.perf_counter() < began + seconds:
        environments.step(("true",) * environments.num_envs)
        done += environments.num_envs
    return done / (time.perf_counter() - began)


def _claim(rates: dict[str, float], backend: str) -> Claim:
    many, one, noop = (rates[f"{backend} {what}"] for what in (MANY, 1, "no-op"))
    detail = f"no-op calls by one client, {MANY} at once, {noop:.0f} a second; one environment alone {one:.0f} steps"
    return Claim(f"{MANY} Gymnasium environments in one vector, {backend}", many, detail, unit="steps/s")


if __name__ == "__main__":
    main(measure, __doc__)
