"""What a long trajectory costs whoever looks at it: a page, a search and the beginning of a watch, of 10,000 events.

Beside it the page of a session that has as many events as a page shows, on the same server by the same client.

    python benchmarks/viewer.py [--rounds 5] [--calls 20] [--check]
"""

import json
import re
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import anyio
import httpx2
from anyio.streams.text import TextReceiveStream
from measuring import Claim, Plan, Round, interleaved, main, median_time

from mlgym_mcp.sessions.budget import Budget, dump_budget
from mlgym_mcp.store import SessionRow, Store
from mlgym_mcp.tasks.spec import Budget as BudgetLimits
from mlgym_mcp.viewer.event import LEAF
from mlgym_mcp.viewer.naming import public_id

EVENTS = 10_000
OUTPUT = "\n".join(
    f"epoch {epoch} loss {1 / (epoch + 1):.4f} accuracy {1 - 1 / (epoch + 2):.4f}" for epoch in range(45)
)
"""Some two kilobytes: what a command prints."""
MOST = {"page": 4.0, "search, many hits": 6.0, "search, no hit": 6.0, "watch, first event": 4.0}
"""Times the page of a short session that each may cost."""
CALLS = 20


async def measure(plan: Plan) -> list[Claim]:
    """Measure all, in turn."""
    calls = min(plan.calls, CALLS)
    with tempfile.TemporaryDirectory() as folder:
        short, long = recorded(Path(folder), "short", LEAF), recorded(Path(folder), "long", EVENTS)
        async with viewing(folder) as http:
            places = {
                "control": short,
                "page": long,
                "page, first byte": long,
                "search, many hits": f"{long}?text=epoch",
                "search, no hit": f"{long}?text=nothing+has+this",
            }
            subjects: dict[str, Round] = {
                name: partial(median_time, partial(first_byte if "byte" in name else whole, http, place), calls)
                for name, place in places.items()
            }
            live = partial(first_byte, http, f"{long}/live?after={EVENTS - 1}")
            subjects["watch, first event"] = partial(median_time, live, calls)
            medians = await interleaved(subjects, plan.rounds)
    control = medians.pop("control")
    told = f"page of a session of {LEAF} events {control:.0f} ms"
    return [
        Claim(f"viewer, {EVENTS:,} events: {name}", took / control, f"{took:.0f} ms, {told}", at_most=MOST.get(name))
        for name, took in medians.items()
    ]


async def whole(http: httpx2.AsyncClient, place: str) -> None:
    """Fetch a page."""
    answer = await http.get(place)
    assert answer.status_code == 200, answer.text


async def first_byte(http: httpx2.AsyncClient, place: str) -> None:
    """Wait for the beginning of an answer's body."""
    async with http.stream("GET", place) as answer:
        assert answer.status_code == 200
        await anext(answer.aiter_bytes())


@asynccontextmanager
async def viewing(folder: str) -> AsyncIterator[httpx2.AsyncClient]:
    """A client that `mlgym-mcp view` has let in."""
    command = [sys.executable, "-m", "mlgym_mcp", "view", "--port", "0", "--data-dir", folder]
    async with await anyio.open_process(command, stdin=None, stdout=None) as process:
        assert process.stderr is not None
        told = await TextReceiveStream(process.stderr).receive()
        base, path = re.findall(r"(http://[^/]+)(/\S+)", told)[0]
        async with httpx2.AsyncClient(base_url=base, timeout=60, verify=False, follow_redirects=True) as http:
            await whole(http, path)
            yield http
        process.terminate()


def recorded(folder: Path, name: str, count: int) -> str:
    """The page of a session of so many commands, written to a store as a server writes them."""
    now, handle = time.time(), f"{name}-{'x' * 20}"
    budget = dump_budget(Budget(BudgetLimits(steps=2 * EVENTS), steps=count, opened_at=now))
    row = SessionRow(
        id=handle,
        principal="local",
        key=None,
        task="battle-of-the-sexes-v1",
        protocol="strict",
        flavour="sample",
        gpus=0,
        state="open",
        reason=None,
        exit_status=None,
        created_at=now,
        closed_at=None,
        backend="bubblewrap",
        sandbox=name,
        token="x" * 32,
        lease_until=now,
        owner=None,
        budget=budget,
        validated=None,
        submission=None,
    )
    result = {"job": "j1", "running": False, "exit_code": 0, "head": OUTPUT, "tail": "", "omitted": 0}
    reply = json.dumps({"result": result, "seconds": 1.0, "budget": {"steps": 1}, "state": "open"})
    with Store.open(folder) as store, store.write():
        store.sessions.add(row)
        for number in range(count):
            request = json.dumps({"command": f"python train.py --seed {number}", "background": False})
            event = store.events.begin(handle, "bash", request, at=now)
            store.events.finish(event, seconds=1.0, reply=reply)
    return f"/sessions/{public_id(row)}"


if __name__ == "__main__":
    main(measure, __doc__)
