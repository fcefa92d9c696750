"""A Docker engine ends and comes back under a live session: it goes on, or it is lost, and the server goes on."""

import os
import signal
from pathlib import Path

import pytest
from mcp import Client

from mlgym_mcp.store import Store
from tests.faults.engine import private_engine
from tests.faults.lives import Lives, ask, begin
from tests.faults.points import SUBMISSION
from tests.faults.remains import nothing_remains

pytestmark = [
    pytest.mark.docker,
    pytest.mark.exhaustive,
    pytest.mark.skipif(os.geteuid() != 0, reason="only root may run an engine"),
]

OURS = "through no fault of yours"
LOST = (
    "This session was lost (its sandbox ended; the trajectory and the last artefact are kept). `start` makes a new one."
)
BEFORE = (
    ask("start", "open"),
    SUBMISSION,
    ask("validate", "points 7", wait_s=50),
    ask("bash", "exit 0", command="cd /tmp; kept=in-the-shell"),
    ask("bash", "j3", command="sleep 1000", background=True),
)
AWAY = (ask("start", OURS), ask("validate", OURS, wait_s=50))
GONE_ON = (
    ask("bash", "in-the-shell /tmp", command="echo $kept $PWD"),
    ask("job", "running as j3", job="j3", wait_s=0),
    ask("submit", "points 7", wait_s=50),
)
BROKEN_OFF = (ask("bash", LOST, command="echo $kept $PWD"), ask("validate", LOST), ask("submit", LOST))
AFTERWARDS = (ask("start", "open"), ask("bash", "a number", of=1, command="cat hint"), ask("end", "ended", of=1))


@pytest.mark.parametrize("live_restore", [True, False], ids=["with live-restore", "without live-restore"])
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM], ids=lambda number: number.name)
async def test_a_session_outlives_an_engine_as_its_container_does(
    tmp_path: Path, cache_dir: Path, prepared: Path, number: signal.Signals, live_restore: bool
) -> None:
    begin(prepared, tmp_path)
    async with private_engine(live_restore=live_restore) as engine:
        lives = Lives(tmp_path, cache_dir, settings={"sandbox": "docker"}, variables={"DOCKER_HOST": engine.address})
        async with lives.server() as (url, _), Client(f"{url}/mcp") as client:
            await lives.go_on(client, BEFORE)
            await engine.end(number)
            await lives.go_on(client, AWAY)
            await engine.start()
            await lives.go_on(client, GONE_ON if live_restore else BROKEN_OFF)
            await lives.go_on(client, AFTERWARDS)
        await nothing_remains(lives.data, engine=engine.address)
    kept(lives, ["submit", "validate"] if live_restore else ["validate"])


def kept(lives: Lives, phases: list[str]) -> None:
    """What was told lasts: every call that was answered, every score, and the artefacts."""
    with Store.open(lives.data) as store:
        told = [event.kind for event in store.events.list(lives.session) if event.error is None and event.reply]
        assert told[:4] == ["bash", "validate", "bash", "bash"]
        scores = [found for found in store.scores.of_session(lives.session) if found.score.outcome == "scored"]
        assert sorted(found.phase for found in scores) == phases
        assert all(store.artefacts.get(found.score.artefact) for found in scores)
