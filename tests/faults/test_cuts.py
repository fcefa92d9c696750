"""A stream to a guest is cut, or a sandbox killed from outside: callers are told, what was told lasts, the rest goes.

Where the sandbox lives the session goes on; where it does not, it is lost. Who scores can be replaced, and is.
"""

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from mcp import Client

from mlgym_mcp.store import Store
from tests.faults.killing import Moment, Victim, When
from tests.faults.lives import Ask, Lives, ask, begin
from tests.faults.points import SANDBOX, STORE, SUBMISSION
from tests.faults.remains import DOCKER, nothing_remains

SEND, FILL = f"{SANDBOX}.link:_Stream._send", f"{SANDBOX}.frames:FrameReceiver._fill"
ARTEFACT, RUNNER = f"{STORE}.artefacts:Artefacts.add", "mlgym_mcp.scoring.runner:Runner.start"
OURS, FREE = "through no fault of yours", "through no fault of yours; nothing was charged"
LOST = (
    "This session was lost (its sandbox ended; the trajectory and the last artefact are kept). `start` makes a new one."
)

START, AGAIN = ask("start", "'state': 'open'"), ask("start", OURS)
WORK = ask("bash", "xxx\n[exit 0", command="echo x >> log; head -c 30000 /dev/zero | tr '\\0' x")
LOG = ask("bash", "x\n[exit 0", command="cat log")
ENDED = ask("bash", LOST, command="true")
VALIDATE, SUBMIT = (ask(tool, "'points': 7.0", wait_s=50) for tool in ("validate", "submit"))


@dataclass(frozen=True)
class Cut:
    """What is killed or cut, and how that looks to a client."""

    name: str
    moment: Moment
    asks: tuple[Ask, ...]
    steps: int
    """What they have cost."""
    state: str = "open"
    phases: tuple[str, ...] = ()
    """What has been scored."""


def _moment(victim: Victim, at: str, when: When, only: str = "") -> Moment:
    return Moment(at, when, (only,), victim=victim)


sandbox, stream = partial(_moment, "sandbox"), partial(_moment, "stream")
JUDGE, PULLED = sandbox(RUNNER, "after", "'judge'"), stream(FILL, "half received", r", \d{6}\)")

CUTS = [
    Cut(
        "bash: sandbox",
        sandbox(SEND, "after", "echo x"),
        (START, ask("bash", LOST, command="echo x; sleep 1000"), ENDED),
        0,
        "lost",
    ),
    Cut("validate: sandbox", sandbox(ARTEFACT, "before"), (START, SUBMISSION, ask("validate", LOST), ENDED), 1, "lost"),
    Cut("submit: sandbox", sandbox(ARTEFACT, "before"), (START, SUBMISSION, ask("submit", LOST), ENDED), 1, "lost"),
    Cut("start: sandbox", sandbox(f"{SANDBOX}.guest:Guest.write", "before"), (AGAIN, START, WORK, LOG), 2),
    Cut(
        "validate: judge",
        JUDGE,
        (START, SUBMISSION, ask("validate", FREE, wait_s=50), VALIDATE),
        2,
        "open",
        ("validate",),
    ),
    Cut(
        "submit: judge", JUDGE, (START, SUBMISSION, ask("submit", FREE, wait_s=50), SUBMIT), 2, "submitted", ("submit",)
    ),
    Cut("bash: request", stream(SEND, "half sent", "echo x"), (START, WORK, LOG), 2),
    Cut("bash: reply", stream(FILL, "half received", r", \d{5}\)"), (START, WORK, LOG), 2),
    Cut("start: a file", stream(SEND, "half sent", '"op":"append"'), (START, WORK, LOG), 2),
    Cut("validate: artefact", PULLED, (START, SUBMISSION, VALIDATE), 2, "open", ("validate",)),
    Cut("submit: artefact", PULLED, (START, SUBMISSION, SUBMIT), 2, "submitted", ("submit",)),
    Cut(
        "submit: relay",
        stream(SEND, "half sent", '"op":"send"'),
        (START, SUBMISSION, SUBMIT),
        2,
        "submitted",
        ("submit",),
    ),
]
GATE = {
    "bubblewrap": {"bash: sandbox", "submit: judge", "validate: artefact"},
    "docker": {"bash: sandbox"},
}
"""Those that are tried in every run."""


def cases() -> list[Any]:
    marks = {"bubblewrap": [], "docker": [pytest.mark.docker]}
    return [
        pytest.param(
            one,
            backend,
            id=f"{one.name}, {backend}",
            marks=marks[backend] + ([] if one.name in GATE[backend] else [pytest.mark.exhaustive]),
        )
        for backend in GATE
        for one in CUTS
    ]


@pytest.mark.parametrize(("cut", "backend"), cases())
async def test_what_is_cut_or_killed_is_told_and_leaves_nothing(
    tmp_path: Path, cache_dir: Path, prepared: Path, cut: Cut, backend: str
) -> None:
    begin(prepared, tmp_path)
    lives = Lives(tmp_path, cache_dir, cut.moment, settings={"sandbox": backend})
    async with lives.server() as (url, _), Client(f"{url}/mcp") as client:
        await lives.go_on(client, cut.asks)
        shown = (await client.call_tool("status", {"session": lives.session})).structured_content or {}
        assert (shown["state"], shown["left"]["steps"]) == (cut.state, 20 - cut.steps)
        await client.call_tool("end", {"session": lives.session})
    await nothing_remains(lives.data, engine=DOCKER if backend == "docker" else None)
    with Store.open(lives.data) as store:
        assert all(event.finished for event in store.events.list(lives.session))
        scores = store.scores.of_session(lives.session)
        assert tuple(found.phase for found in scores if found.score.outcome == "scored") == cut.phases
