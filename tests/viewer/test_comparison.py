"""The viewer's comparison: attempts side by side, and where they part."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mlgym_mcp.sessions.budget import Budget, dump_budget
from mlgym_mcp.store import Store
from mlgym_mcp.tasks.spec import Budget as Limits
from mlgym_mcp.viewer.naming import public_id
from mlgym_mcp.viewer.parting import Parting, parting
from tests.fakes import World
from tests.records import row
from tests.viewer.showing import pages_of
from tests.web.stage import token_of

LIMITS = Limits(steps=10, wall_time=3600)
Call = tuple[str, dict[str, Any], dict[str, Any] | None]


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def bash(command: str, exit_code: int = 0) -> Call:
    result = {"head": "", "tail": "", "omitted": 0, "running": False, "exit_code": exit_code, "stopped": None}
    return "bash", {"command": command}, {"result": result}


def validated(value: float, step: int, phase: str = "validate", artefact: str = "a1") -> Call:
    score = {"scores": {"accuracy": value}, "standard_error": {}, "baseline": {"accuracy": 0.5}, "artefact": artefact}
    reply = {"phase": phase, "outcome": "scored", "score": {**score, "reward": value - 0.5}, "fault": None}
    return phase, {}, {**reply, "budget": {"steps": LIMITS.steps - step}}


def session(store: Store, name: str, *calls: Call, principal: str = "local") -> str:
    """A session that made some calls; its public id."""
    budget = dump_budget(Budget(LIMITS, steps=len(calls), opened_at=1.0))
    made = row(store, f"handle-of-{name}-{'x' * 20}", principal=principal, budget=budget)
    store.sessions.add(replace(made, state="ended", exit_status=f"exit of {name}", closed_at=61.0))
    for kind, request, reply in calls:
        event = store.events.begin(made.id, kind, json.dumps(request), at=2.0)
        error = "refused" if reply is None else None
        store.events.finish(event, seconds=0.5, reply=None if reply is None else json.dumps(reply), error=error)
    return public_id(made)


async def test_attempts_are_compared_side_by_side(world: World) -> None:
    with Store.open(world.folder / "data") as store:
        one = session(store, "one", bash("ls"), bash("<b>train</b>"), validated(0.6, 3), validated(0.875, 4, "submit"))
        two = session(store, "two", bash("ls"), bash("make", 2), ("edit", {}, None), validated(0.75, 4))
    async with pages_of(world) as browser:
        page = (await browser.get("/compare", params={"session": [one, two]})).text
        listed = (await browser.get("/")).text
    for said in ("exit of one", "exit of two", "0.875", "0.75", "4 of 10", "60 s of 60 min", f"/sessions/{two}"):
        assert said in page, said
    assert "at event 2: did something else" in page and "&lt;b&gt;train" in page and "<b>train" not in page
    assert page.count('class="series c') == 2 and "handle-of" not in page
    assert listed.count('form="compare"') == 2 and 'action="/compare"' in listed


async def test_a_comparison_shows_nobodys_sessions_but_ones_own(world: World) -> None:
    with Store.open(world.folder / "data") as store:
        mine, others = session(store, "mine", principal="me"), session(store, "others", principal="them")
    async with pages_of(world, token_of(world, "me")) as browser:
        own = await browser.get("/compare", params={"session": [mine]})
        both = await browser.get("/compare", params={"session": [mine, others]})
    assert own.status_code == 200 and "exit of mine" in own.text and "Tick two sessions" in own.text
    assert both.status_code == 404 and "exit of" not in both.text


async def test_how_to_compare_is_told_where_nothing_or_too_much_is_named(world: World) -> None:
    with Store.open(world.folder / "data") as store:
        made = [session(store, f"n{number}") for number in range(9)]
    async with pages_of(world) as browser:
        nothing = await browser.get("/compare")
        unknown = await browser.get("/compare?session=nonsense")
        many = await browser.get("/compare", params={"session": made})
    assert nothing.status_code == 200 and "Tick two sessions" in nothing.text
    assert [unknown.status_code, many.status_code] == [404, 404] and "8 sessions" in many.text


def test_trajectories_part_where_a_call_or_what_came_of_it_differs(tmp_path: Path) -> None:
    begun = [bash("ls"), validated(0.6, 2)]

    def found(store: Store, name: str, one: list[Call], other: list[Call]) -> Parting | None:
        for which, calls in (("one", one), ("other", other)):
            session(store, f"{name}-{which}", *calls)
        first, second = store.sessions.all()[-2:]
        return parting(store, first.id, second.id)

    with Store.open(tmp_path) as store, store.write():
        chance = found(store, "chance", begun, [bash("ls"), validated(0.61, 2)])
        long = [*begun, *([bash("a")] * 230)]
        many = found(store, "many", [*long, bash("b")], [*long, bash("c")])
        status = found(store, "status", [*begun, bash("a")], [*begun, bash("a", 1)])
        artefact = found(store, "artefact", begun, [bash("ls"), validated(0.6, 2, artefact="a2")])
        longer = found(store, "longer", begun, [*begun, bash("a")])
    assert chance is None
    assert many is not None and (many.number, many.how) == (233, "did something else")
    assert status is not None and (status.number, status.how) == (3, "came to something else")
    assert artefact is not None and (artefact.number, artefact.how) == (2, "came to something else")
    assert longer is not None and (longer.number, longer.one) == (3, None)
