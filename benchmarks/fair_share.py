"""What a busy session costs the others: `true` in one sandbox, alone and beside another that runs busy loops.

Straight to the guest, without MCP. Rounds are interleaved, so that a noisy machine is noisy for all of them alike.

    python benchmarks/fair_share.py [--rounds 5] [--calls 200] [--loops 16] [bubblewrap] [docker]
"""

import argparse
import secrets
import statistics
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio

from mlgym_mcp.sandbox.base import Limits, SandboxSpec
from mlgym_mcp.sandbox.guest import Guest
from mlgym_mcp.sandbox.lifecycle import open_sandbox
from mlgym_mcp.services import open_backend
from mlgym_mcp.settings import Settings
from mlgym_mcp.tasks.catalog import Catalog

LASTS = 3600.0


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("backends", nargs="*", default=["bubblewrap", "docker"])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--calls", type=int, default=200, help="calls a round")
    parser.add_argument("--loops", type=int, default=16, help="busy loops in the other sandbox")
    given = parser.parse_args()
    print(f"{'ms':<24} {'median':>8} {'99 %':>8} {'longest':>8}")
    for backend in given.backends:
        for name, times in anyio.run(measure, backend, given.rounds, given.calls, given.loops).items():
            last = statistics.quantiles(times, n=100)[-1]
            print(f"{f'{backend}: {name}':<24} {statistics.median(times):8.2f} {last:8.2f} {max(times):8.2f}")


async def measure(backend: str, rounds: int, calls: int, loops: int) -> dict[str, list[float]]:
    """The times of all calls, in milliseconds, alone and beside a busy sandbox."""
    times: dict[str, list[float]] = {"alone": [], "beside loops": []}
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings.load({"sandbox": backend, "data_dir": Path(folder)})
        async with open_backend(settings, Catalog([])) as chosen:
            spec, busy_spec = specify(), specify()
            async with open_sandbox(chosen, spec) as guest, open_sandbox(chosen, busy_spec) as busy:
                for _ in range(rounds):
                    times["alone"] += await timed(guest, calls)
                    async with looping(busy, loops):
                        times["beside loops"] += await timed(guest, calls)
    return times


def specify() -> SandboxSpec:
    """A sandbox as a session has it."""
    return SandboxSpec(
        id=f"bench{secrets.token_hex(6)}", token=secrets.token_hex(16), profile="plain", limits=Limits(), lifetime=LASTS
    )


@asynccontextmanager
async def looping(guest: Guest, loops: int) -> AsyncIterator[None]:
    """Busy loops in a sandbox for the length of the block."""
    command = f"for i in $(seq {loops}); do while :; do :; done & done; echo; wait"
    job = (await guest.run(command, wait_s=0, time_limit=LASTS, background=True)).job
    while not (await guest.job_wait(job, wait_s=0.1)).size:
        pass
    yield
    await guest.job_kill(job)


async def timed(guest: Guest, calls: int) -> list[float]:
    """How long each call of `true` took, in milliseconds."""
    times = []
    for _ in range(calls):
        began = time.perf_counter()
        await guest.run("true", wait_s=60, time_limit=60)
        times.append(1000 * (time.perf_counter() - began))
    return times


if __name__ == "__main__":
    main()
