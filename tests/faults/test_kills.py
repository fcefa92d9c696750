"""A server is killed at each of the named points; the next one goes on as if nothing had been."""

import secrets
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from mcp import Client
from mcp.types import CallToolResult

from mlgym_mcp.sessions.gpu_claims import PLACE
from mlgym_mcp.store import Store
from tests.faults.lives import HOUR, KILL, WISH, Ask, Lives, begin, key_of
from tests.faults.points import CHAPTERS, GATE, POINTS, Point
from tests.faults.remains import DOCKER, nothing_remains
from tests.gateway import text
from tests.sandbox.boxes import until
from tests.sandbox.nvml.library import NAME, compiled

UNRECORDED = ("start", "status", "fork", "kill", "wish", "cut_off", "score_best")
"""Calls that leave no event under their key."""
SCORES = {"scoring": ["submit", "validate"], "cutting off": ["submit"]}
SETTINGS = {
    # A warm sandbox, which nobody owns once its server is killed, is what there is to be swept.
    "taking over": {"pool": 1},
    "waiting": {"max_sessions": 1},
}


@pytest.fixture
def gpus(tmp_path: Path) -> Iterator[dict[str, str]]:
    """GPUs for servers to find; all servers of the machine claim them by name."""
    series = secrets.token_hex(4)
    yield {"NVML": str(compiled(tmp_path) / NAME), "NVML_SERIES": series}
    for claim in PLACE.glob(f"GPU-{series}-*"):
        claim.unlink()


def marks(point: Point) -> list[pytest.MarkDecorator]:
    rare = [] if point.name in GATE else [pytest.mark.exhaustive]
    return [*rare, pytest.mark.docker] if point.backend == "docker" else rare


@pytest.mark.parametrize("point", [pytest.param(one, id=one.name, marks=marks(one)) for one in POINTS])
async def test_a_server_killed(
    tmp_path: Path, cache_dir: Path, prepared: Path, point: Point, request: pytest.FixtureRequest
) -> None:
    begin(prepared, tmp_path)
    settings = {"sandbox": point.backend, **SETTINGS.get(point.chapter, {})}
    variables = request.getfixturevalue("gpus") if point.chapter == "GPUs" else {}
    lives = Lives(tmp_path, cache_dir, point.moment, point.life, settings, variables)
    asks = CHAPTERS[point.chapter]
    await lives.through(asks, partial(told_alike, lives, asks))
    assert lives.deaths == point.life
    await nothing_remains(lives.data, engine=DOCKER if point.backend == "docker" else None)
    recorded_once(lives, asks, SCORES.get(point.chapter, []))


async def told_alike(lives: Lives, asks: tuple[Ask, ...], client: Client) -> None:
    """Repeat every call under its key: nothing is done, and the answers are what they were; then end all sessions."""
    for number, asked in enumerate(asks):
        if asked not in (KILL, WISH):
            answer = await lives.call(client, asked, number=number)
            assert told(asked, answer) == told(asked, lives.answers[number])
    await charged_once(lives, asks, client)
    if any("log" in asked.arguments.get("command", "") for asked in asks):
        log = await client.call_tool("bash", {"session": lives.session, "command": "cat /workspace/log"})
        assert text(log).startswith("x\n[")
    with Store.open(lives.data) as store:
        for row in store.sessions.live():
            await client.call_tool("end", {"session": row.id})
        await until(partial(swept, store, lives.data))


def swept(store: Store, data: Path) -> bool:
    """Whether all sandboxes of servers that are gone are gone, too."""
    makers = [store.instance.made_by(folder.name.partition("-")[2]) for folder in data.glob("sandboxes/*")]
    return not any(map(store.instance.free, makers))


async def charged_once(lives: Lives, asks: tuple[Ask, ...], client: Client) -> None:
    """Every call has cost its step once, and nobody has paid for the time without a server."""
    for number, session in enumerate(lives.sessions):
        facts = (await client.call_tool("status", {"session": session})).structured_content or {}
        assert facts["left"]["steps"] == 20 - sum(asked.costs for asked in asks if asked.of == number)
        assert facts["state"] != "open" or facts["left"]["wall_time"] > 11.9 * HOUR


def told(asked: Ask, answer: CallToolResult) -> object:
    """What is the same however often it is told: of a session as it stands now that is its handle."""
    assert not answer.is_error, text(answer)
    facts = answer.structured_content or {}
    if asked.tool in ("start", "fork"):
        return facts["session"]
    return (facts["session"], facts["exit_status"]) if asked.tool in UNRECORDED or asked.tool == "end" else answer


def recorded_once(lives: Lives, asks: tuple[Ask, ...], phases: list[str]) -> None:
    """Every call that was answered is on record, once, and so is every score."""
    with Store.open(lives.data) as store:
        for session, handle in enumerate(lives.sessions):
            asked = {key_of(number): one for number, one in enumerate(asks) if one.of == session}
            events = store.events.list(handle)
            keys = [event.key for event in events if event.key is not None and not event.key.startswith("fork")]
            assert sorted(keys) == [key for key, one in asked.items() if one.tool not in UNRECORDED]
            assert all(event.finished for event in events)
        scores = [(found.phase, found.score.outcome) for found in store.scores.of_session(lives.session)]
        assert sorted(scores) == [(phase, "scored") for phase in phases]
