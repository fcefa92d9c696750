"""Rescoring: a kept artefact is scored again as its session's `validate` or `submit` did, or would have.

What a session scored stays as it is: a rescoring is not recorded, or every reader of scores would have to tell the two
apart. The exception is an artefact that is held because scoring failed at it: there the new verdict is the session's.
"""

import time
from dataclasses import dataclass

from mlgym_mcp.errors import SetupError
from mlgym_mcp.sandbox.process import Progress, silent
from mlgym_mcp.scoring.request import ArtefactRef, ScoreRequest
from mlgym_mcp.scoring.score import Phase, Score
from mlgym_mcp.sessions import exit_status
from mlgym_mcp.sessions.services import Services
from mlgym_mcp.sessions.state import LIVE
from mlgym_mcp.store import SessionRow, Store, Submission

SHOWN = 20
"""How many of several matches an error lists."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """An artefact of a session, and what is recorded of one phase."""

    row: SessionRow
    artefact: str
    phase: Phase
    score: Score | None
    """The verdict; None where there is none yet."""
    held: bool
    """Whether it is held for the operator, since scoring failed at it."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which artefact is meant. The artefact and the session go by the beginning of their names."""

    artefact: str
    task: str | None = None
    session: str | None = None
    phase: Phase | None = None
    """None: as recorded, `submit` before `validate`."""


def find(store: Store, wanted: Wanted) -> Recorded:
    """The artefact that is meant, with what is recorded of it.

    Raises:
        SetupError: there is none, or more than one; lists them.
    """
    rows: dict[str, SessionRow | None] = {}
    given: list[tuple[SessionRow, Submission]] = []
    for one in store.submissions.of_artefact(wanted.artefact):
        row = rows[one.session] = rows.get(one.session) or store.sessions.get(one.session)
        if row is not None and _matches(row, wanted):
            given.append((row, one))
    if not given:
        raise SetupError(
            f"no artefact whose name begins with {wanted.artefact!r} was ever scored; see: mlgym-mcp results list TASK"
        )
    if len({(one.artefact, row.id) for row, one in given}) > 1:
        raise SetupError(_choices(given, wanted.artefact))
    row, artefact = given[0][0], given[0][1].artefact
    phase = wanted.phase or ("submit" if any(one.phase == "submit" for _, one in given) else "validate")
    return Recorded(
        row=row,
        artefact=artefact,
        phase=phase,
        score=store.scores.settled(row.id, phase, artefact),
        held=store.scores.held(row.id, phase, artefact) is not None,
    )


async def rescore(services: Services, found: Recorded, progress: Progress = silent) -> Score:
    """Score an artefact again; the verdict on one that was held is recorded, and releases it.

    Raises:
        SetupError: the session goes on and would profit, or the artefact's file is gone.
        UnknownTask: the catalogue lacks the task.
        DataMissing: the session's data is not on this machine any more.
    """
    row, store = found.row, services.store
    if found.phase == "submit" and row.state in LIVE and not found.held:
        raise SetupError(
            f"the session of {row.sandbox} goes on, and what `submit` scores it must not learn before its own; "
            f"end it first: mlgym-mcp sessions end {row.sandbox}"
        )
    kept = store.artefacts.get(found.artefact)
    if kept is None:
        told = store.pruned.told(found.artefact) or f"is gone from {store.folder}"
        raise SetupError(
            f"the artefact {found.artefact} {told}; it can be scored again if you put it back from a backup. "
            f"What is recorded of it: mlgym-mcp results show {row.task} {found.artefact[:16]}"
        )
    task = services.tasks.get(row.task)
    score = await services.referee.score(
        ScoreRequest(
            task=task,
            prepared=await services.preparer.prepare(task, row.flavour, progress, gpus=row.gpus),
            artefact=ArtefactRef(kept.sha256, kept.path, kept.size),
            phase=found.phase,
            protocol=row.protocol,  # type: ignore[arg-type]  # only protocols are ever written
            session_id=row.id,
            branched=row.origin is not None,
            aids=tuple(row.aids.split()),
        )
    )
    if found.held and score.outcome != "infrastructure_fault":
        _release(store, found, score, size=kept.size)
    return score


def _matches(row: SessionRow, wanted: Wanted) -> bool:
    of_session = wanted.session is None or row.sandbox.startswith(wanted.session)
    return of_session and wanted.task in (None, row.task)


def _choices(given: list[tuple[SessionRow, Submission]], prefix: str) -> str:
    pairs = dict.fromkeys((one.artefact, row.sandbox, row.task) for row, one in given)
    lines = [f"  {artefact[:16]}  --session {sandbox}  ({task})" for artefact, sandbox, task in pairs]
    more = [f"  … and {len(lines) - SHOWN} more"] if len(lines) > SHOWN else []
    told = f"more than one artefact is meant by {prefix!r}; say more of its name, or which session's:"
    return "\n".join([told, *lines[:SHOWN], *more])


def _release(store: Store, found: Recorded, score: Score, *, size: int) -> None:
    now = time.time()
    with store.write(durable=True):
        submission = store.submissions.add(found.row.id, found.phase, found.artefact, size=size, at=now)
        store.scores.add(submission.id, score, at=now)
        if found.phase == "submit":
            status = exit_status.SUBMITTED if score.outcome == "scored" else exit_status.FAULTY
            store.sessions.release(found.row.id, status)
