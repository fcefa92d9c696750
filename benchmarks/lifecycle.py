"""What starting, ending and forking a session costs, beside the `docker` commands that do the like.

A start is measured until its answer says that the session is open, an end until the sandbox is gone. Data are prepared
and images built before. The commands are the client's own, as a script would run them.

    python benchmarks/lifecycle.py [--rounds 5] [--check] [bubblewrap] [docker]
"""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

import anyio
from containers import engine_says, plain_image, remove, run_detached
from measuring import Claim, Plan, Round, interleaved, main, timed, until
from serving import Connection, Place, connected, http_server, place

POOL = 2
SETTLING = 2.0
"""Seconds in which what the pool has begun to start is ready: its folder is there from the first."""
BLOB = 20_000_000
FILL = f"head -c {BLOB} /dev/urandom > /workspace/blob"
FILL_CONTAINER = f"head -c {BLOB} /dev/urandom > /blob"
RUN, REMOVE, COMMIT_AND_RUN = "docker run -d", "docker rm -f", "docker commit + run"


async def measure(plan: Plan) -> list[Claim]:
    """Measure each backend, with and without sandboxes kept warm, and the `docker` commands."""
    async with AsyncExitStack() as stack:
        subjects: dict[str, Round] = {}
        for backend in plan.backends:
            subjects |= await stack.enter_async_context(_cold(backend))
            subjects |= await stack.enter_async_context(_warm(backend))
            subjects |= await stack.enter_async_context(_forked(backend))
        subjects |= await stack.enter_async_context(_docker())
        medians = await interleaved(subjects, plan.rounds)
    return [claim for backend in plan.backends for claim in _claims(medians, backend)]


@dataclass(slots=True)
class Cycle:
    """A session started in one round, to be ended in the next."""

    client: Connection
    at: Place
    session: str = ""
    before: set[str] = field(default_factory=set)

    async def start(self) -> float:
        """Start a session, once the one before is gone; milliseconds."""

        async def start() -> None:
            self.session = await self.client.start()

        self.before = set(self.at.sandboxes)
        return await timed(start)

    async def end(self) -> float:
        """End it; milliseconds until its sandbox is gone."""
        mine = set(self.at.sandboxes) - self.before

        async def end() -> None:
            await self.client.call("end", session=self.session)
            await until(lambda: not mine & set(self.at.sandboxes), "the sandbox was removed", look=0.001)

        return await timed(end)


@asynccontextmanager
async def _server(backend: str, **settings: object) -> AsyncIterator[tuple[Connection, Place]]:
    """A server that has done all that is done once, and a connection to it."""
    async with place(backend, **settings) as at:
        async with http_server(at) as server, connected(server.url) as client:
            await client.call("end", session=await client.start())
            yield client, at


@asynccontextmanager
async def _cold(backend: str) -> AsyncIterator[dict[str, Round]]:
    async with _server(backend, pool=0) as (client, at):
        await at.emptied()
        cycle = Cycle(client, at)
        yield {f"{backend} cold": cycle.start, f"{backend} end": cycle.end}


@asynccontextmanager
async def _warm(backend: str) -> AsyncIterator[dict[str, Round]]:
    async with _server(backend, pool=POOL) as (client, at):

        async def start() -> float:
            await until(lambda: len(at.sandboxes) == POOL, "the pool was full")
            await anyio.sleep(SETTLING)
            cycle = Cycle(client, at)
            took = await cycle.start()
            await client.call("end", session=cycle.session)
            return took

        yield {f"{backend} warm": start}


@asynccontextmanager
async def _forked(backend: str) -> AsyncIterator[dict[str, Round]]:
    async with _server(backend, tools="checkpoints", pool=POOL) as (client, at):
        session = await client.start()
        await client.call("bash", session=session, command=FILL)
        made: list[str] = []

        async def fork() -> None:
            answer = (await client.call("fork", session=session))["structuredContent"]
            if answer["state"] != "open":
                raise RuntimeError(f"the fork is {answer['state']}: {answer['reason']}")
            made.append(answer["session"])

        async def round_() -> float:
            await until(lambda: len(at.sandboxes) == 1 + POOL, "the pool was full")
            await anyio.sleep(SETTLING)
            took = await timed(fork)
            await client.call("end", session=made.pop())
            return took

        yield {f"{backend} fork": round_}
        await client.call("end", session=session)


@asynccontextmanager
async def _docker() -> AsyncIterator[dict[str, Round]]:
    """The commands, each round on a container of its own; one with 20 MB changed stands by to be committed."""
    image = await plain_image()
    containers: list[str] = []
    filled = await run_detached(image)
    await engine_says("exec", "-u", "0", filled, "sh", "-c", FILL_CONTAINER)

    async def run() -> float:
        async def start() -> None:
            containers.append(await run_detached(image))

        return await timed(start)

    async def remove_it() -> float:
        return await timed(lambda: remove(containers.pop()))

    async def commit_and_run() -> float:
        made: list[str] = []

        async def fork() -> None:
            made.append(await engine_says("commit", filled))
            made.append(await run_detached(made[0]))

        took = await timed(fork)
        await remove(made[1])
        await engine_says("rmi", "-f", made[0])
        return took

    try:
        yield {RUN: run, REMOVE: remove_it, COMMIT_AND_RUN: commit_and_run}
    finally:
        await remove(filled, *containers)


def _claims(medians: dict[str, float], backend: str) -> list[Claim]:
    def beside(what: str, name: str, control: str, at_most: float) -> Claim:
        title = f"{what}, {backend}, beside `{control}`"
        took = medians[f"{backend} {name}"]
        detail = f"{took:.0f} ms, `{control}` {medians[control]:.0f} ms"
        return Claim(title, took / medians[control], detail, at_most=at_most)

    return [
        beside("start from the warm pool", "warm", RUN, 0.1),
        beside("start, cold", "cold", RUN, 1.2),
        beside("end, until the sandbox is gone", "end", REMOVE, 1.3),
        beside("`fork` with a workspace of 20 MB", "fork", COMMIT_AND_RUN, 1.0),
    ]


if __name__ == "__main__":
    main(measure, __doc__)
