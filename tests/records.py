"""Rows of a store, for tests that need some."""

from dataclasses import replace

from mlgym_mcp.scoring.score import Outcome, Score
from mlgym_mcp.store import SessionRow, Store


def row(store: Store, name: str = "s1", **changes: object) -> SessionRow:
    values = SessionRow(
        id=name,
        principal="local",
        key=None,
        task="toy-v1",
        protocol="strict",
        flavour="sample",
        gpus=0,
        state="open",
        reason=None,
        exit_status=None,
        created_at=1.0,
        closed_at=None,
        backend="fake",
        sandbox=store.sandbox_id(),
        token="token",
        lease_until=100.0,
        owner=store.instance.id,
        budget="{}",
        validated=None,
        submission=None,
    )
    return replace(values, **changes)  # type: ignore[arg-type]


def score(outcome: Outcome = "scored", **changes: object) -> Score:
    values = Score(
        task="toy-v1",
        task_hash="t",
        phase="submit",
        protocol="strict",
        flavour="sample",
        outcome=outcome,
        scores={"accuracy": 0.1 + 0.2} if outcome == "scored" else {},
        artefact="a1",
        grader_hash="g",
        secret_hash="s",
        environment="e",
        backend="fake",
        network="none",
        seconds=1.5,
    )
    return values.model_copy(update=changes)
