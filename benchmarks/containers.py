"""Docker without us: what the benchmarks compare with."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
import docker
from anyio import CapacityLimiter, to_thread
from measuring import Call

from mlgym_mcp.sandbox import profiles
from mlgym_mcp.sandbox.docker import open_engine
from mlgym_mcp.sandbox.images import Images

SLEEP = ["sleep", "3600"]


async def plain_image() -> str:
    """The image that plain sandboxes run in, built if it is missing."""
    async with open_engine() as engine:
        return (await Images(engine).built(profiles.load(profiles.PLAIN))).id


async def engine_says(*arguments: str) -> str:
    """What the `docker` command prints.

    Raises:
        CalledProcessError: it failed.
    """
    return (await anyio.run_process(["docker", *arguments])).stdout.decode().strip()


async def run_detached(image: str) -> str:
    """`docker run -d`, no network as our sandboxes; the container's id."""
    return await engine_says("run", "-d", "--init", "--network", "none", image, *SLEEP)


async def remove(*containers: str) -> None:
    """`docker rm -f`."""
    await engine_says("rm", "-f", "-v", *containers)


@asynccontextmanager
async def executing(limiter: CapacityLimiter | None = None) -> AsyncIterator[Call]:
    """One `docker exec` of `true` in a container of the plain image; `limiter`: how many threads run such at once."""
    client = docker.from_env()
    running = client.containers.run(await plain_image(), SLEEP, detach=True, network_mode="none", init=True)

    async def execute() -> None:
        await to_thread.run_sync(running.exec_run, "true", limiter=limiter)

    try:
        yield execute
    finally:
        running.remove(force=True)
        client.close()
