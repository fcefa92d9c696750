"""What a Ray cluster adds: to a call, to a start, in memory; and what more workers bring. One machine plays all nodes.

A tool call over HTTP stands beside the same call on a sandbox of this machine. Sessions that compute, each on a CPU of
its own as Ray counts them, run on a cluster of one worker and then of two: as much faster as there are cores.

    python benchmarks/on_ray.py [--rounds 5] [--calls 100] [--check]
"""

import os
import secrets
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import anyio
from kernel import PROC, named, pss
from measuring import MIB, Claim, Plan, Round, interleaved, main, median_time
from serving import connected, http_server, place

from mlgym_mcp.sandbox.base import Backend, Limits, Mount, SandboxSpec
from mlgym_mcp.services import open_backend
from mlgym_mcp.settings import Settings
from mlgym_mcp.tasks.catalog import Catalog

MOST_LOCAL = 3.0
"""Times the same call on a local sandbox."""
LEAST_GROWTH = 0.75
"""Share of what as many cores could bring that a second worker does at least."""
COMPUTE = "python3 -c 'sum(range(60_000_000))'"
SESSIONS = 6
SANDBOXES = 8
"""Started at once."""
WARE = 256 * MIB


async def measure(plan: Plan) -> list[Claim]:
    """Measure on a cluster of one worker, add one, and measure again what grows."""
    with cluster() as nodes:
        nodes.add_node(num_cpus=1)
        one = await computed(nodes.address)
        nodes.add_node(num_cpus=1)
        two = await computed(nodes.address)
        nodes.add_node(num_cpus=16)
        calls = await _calls(nodes.address, plan)
        costs = await _costs(nodes.address)
    cores = min(2, os.cpu_count() or 1)
    growth = Claim(
        f"{SESSIONS} sessions that compute, on 2 workers beside 1, of {cores} times",
        one / two / cores,
        f"{one:.1f} s, {two:.1f} s",
        at_least=LEAST_GROWTH,
    )
    local, ray = calls["local"], calls["ray"]
    call = Claim(
        "tool call on a cluster, beside local", ray / local, f"{ray:.2f} ms, {local:.2f} ms", at_most=MOST_LOCAL
    )
    return [call, growth, *costs]


@contextmanager
def cluster() -> Iterator[Any]:
    """A head on which nothing is placed."""
    from ray.cluster_utils import Cluster

    nodes: Any = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
    try:
        yield nodes
    finally:
        nodes.shutdown()


async def computed(address: str) -> float:
    """Seconds in which sessions that compute come to their ends, as many at once as the cluster has places."""
    async with place("ray", ray_address=address) as at, http_server(at) as server:

        async def attempt() -> None:
            async with connected(server.url) as client:
                session = await client.start()
                await client.call("bash", session=session, command=COMPUTE, wait_s=50)
                await client.call("end", session=session)

        await attempt()  # data is brought, and processes of Ray are warm
        began = time.perf_counter()
        async with anyio.create_task_group() as tasks:
            for _ in range(SESSIONS):
                tasks.start_soon(attempt)
        return time.perf_counter() - began


async def _calls(address: str, plan: Plan) -> dict[str, float]:
    """Milliseconds of a call, on a cluster and here."""
    async with AsyncExitStack() as stack:
        subjects: dict[str, Round] = {}
        for name, backend, settings in (("local", "bubblewrap", {}), ("ray", "ray", {"ray_address": address})):
            at = await stack.enter_async_context(place(backend, **settings))
            server = await stack.enter_async_context(http_server(at))
            client = await stack.enter_async_context(connected(server.url))
            session = await client.start()
            stack.push_async_callback(client.call, "end", session=session)
            bash = partial(client.call, "bash", session=session, command="true")
            subjects[name] = partial(median_time, bash, plan.calls)
        return await interleaved(subjects, plan.rounds)


async def _costs(address: str) -> list[Claim]:
    with tempfile.TemporaryDirectory(prefix="mlgym-mcp-benchmark-") as temporary:
        folder = Path(temporary)
        settings = Settings(data_dir=folder, sandbox="ray", ray_address=address)
        async with open_backend(settings, Catalog([])) as backend:
            async with _started(backend, 1):
                pass  # the stewards are there
            head = _head()
            began = time.perf_counter()
            async with _started(backend, SANDBOXES):
                seconds = time.perf_counter() - began
                hosts = [pss(PROC / str(pid)) for pid in named(["ray::Host"])]
                grown = _head() - head
            (folder / "ware").write_bytes(secrets.token_bytes(WARE))
            began = time.perf_counter()
            async with _started(backend, 1, Mount(folder / "ware", "/data")):
                brought = time.perf_counter() - began
    return [
        Claim(
            "sandboxes started at once on two cores", SANDBOXES / seconds, f"{SANDBOXES} in {seconds:.1f} s", unit="/s"
        ),
        Claim("actor of a sandbox", sum(hosts) / len(hosts) / MIB, f"PSS of {len(hosts)}", unit="MB"),
        Claim("head's directory, a sandbox", grown / SANDBOXES / MIB, f"{head / MIB:.0f} MB before", unit="MB"),
        Claim("data to a node", WARE / MIB / brought, f"{WARE // MIB} MB and a start in {brought:.1f} s", unit="MB/s"),
    ]


def _head() -> int:
    return sum(pss(PROC / str(pid)) for pid in named(["gcs_server"]))


@asynccontextmanager
async def _started(backend: Backend, count: int, *mounts: Mount) -> AsyncIterator[None]:
    """So many sandboxes, started at once."""
    specs = [
        SandboxSpec(secrets.token_hex(8), secrets.token_hex(16), "plain", Limits(memory=256 * MIB), mounts=mounts)
        for _ in range(count)
    ]
    async with anyio.create_task_group() as tasks:
        for spec in specs:
            tasks.start_soon(backend.start, spec)
    try:
        yield
    finally:
        for spec in specs:
            await backend.remove(spec.id)


if __name__ == "__main__":
    main(measure, __doc__)
