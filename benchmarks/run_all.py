"""All benchmarks, one table: what `RESULTS.md` holds. Half an hour; `--quick` only tries them, in some minutes.

python benchmarks/run_all.py [--quick] [--check] [--peers FOLDER] [bubblewrap] [docker]
"""

import sys

import beside_peers
import environments
import lifecycle
import memory
import soak
import throughput
import tool_call
from measuring import Claim, Measure, Plan, main

PARTS: tuple[Measure, ...] = (
    tool_call.measure,
    throughput.measure,
    environments.measure,
    lifecycle.measure,
    memory.measure,
    soak.measure,
    beside_peers.measure,
)


async def measure(plan: Plan) -> list[Claim]:
    """Run each in turn: nothing else may run beside what is measured."""
    claims: list[Claim] = []
    for part in PARTS:
        print(f"{part.__module__} …", file=sys.stderr, flush=True)
        claims += await part(plan)
    return claims


if __name__ == "__main__":
    main(measure, __doc__)
