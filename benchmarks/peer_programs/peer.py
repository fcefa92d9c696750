"""The talk between `beside_peers.py` and the program of one peer, which runs in an environment of the peer's own.

The program says how long its sandbox took to start, then for each line of input how long so many calls took in the
middle, and at the end of input how long its sandbox took to stop; each as one line of JSON, in milliseconds.
"""

import asyncio
import json
import os
import statistics
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TextIO

Step = Callable[[], Awaitable[object]]


def main(start: Step, call: Step, stop: Step) -> None:
    """Talk until the end of input."""
    with os.fdopen(os.dup(1), "w") as told:
        os.dup2(2, 1)  # what the peer itself prints is no answer
        asyncio.run(_talk(told, start, call, stop))


async def _talk(told: TextIO, start: Step, call: Step, stop: Step) -> None:
    def say(**figures: float) -> None:
        print(json.dumps(figures), file=told, flush=True)

    try:
        say(start=await _timed(start))
    except Exception:
        with suppress(Exception):  # a start that failed may have left a container
            await stop()
        raise
    try:
        while line := await asyncio.to_thread(sys.stdin.readline):
            say(call=statistics.median([await _timed(call) for _ in range(int(line))]))
    finally:
        took = await _timed(stop)
    say(stop=took)


async def _timed(step: Step) -> float:
    began = time.perf_counter()
    await step()
    return 1000 * (time.perf_counter() - began)
