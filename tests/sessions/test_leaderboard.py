"""Leaderboards: like is ranked with like, each session once."""

from pathlib import Path
from typing import Any

from mlgym_mcp.sessions.leaderboard import Leaderboard, leaderboard
from mlgym_mcp.store import Store
from mlgym_mcp.tasks.spec import TaskSpec
from tests.fakes import write_task
from tests.records import row, score

PUBLISHED = {"gpt-4o": {"attempt": 0.9, "submission": 0.8}}


def submitted(store: Store, name: str, accuracy: float, *, at: float = 1.0, artefact: str = "", **changes: Any) -> None:
    """A session whose submission scored."""
    hashed = artefact or f"{name}-{'0' * 62}"
    store.sessions.add(row(store, name, submission=hashed, state="submitted", exit_status="submitted"))
    kept = store.submissions.add(name, "submit", hashed, size=3, at=at)
    store.scores.add(kept.id, score(scores={"accuracy": accuracy}, artefact=hashed, **changes), at=at)


def board(store: Store, **changes: Any) -> Leaderboard:
    return leaderboard(store, TaskSpec.load(write_task(store.folder / "tasks", **changes)))


def ranking(found: Leaderboard, flavour: Any = "sample", protocol: Any = "strict") -> list[tuple[int, str]]:
    return [(entry.rank, entry.artefact[:2]) for entry in found.group(flavour, protocol).entries]


def test_each_flavour_and_protocol_is_ranked_by_itself_and_held_against_its_own_baseline(tmp_path: Path) -> None:
    baselines = {"full": {"strict": {"accuracy": 0.4}, "upstream": {"accuracy": 0.3}}, "sample": {"accuracy": 0.5}}
    with Store.open(tmp_path) as store:
        for place, (flavour, protocol) in enumerate(
            (flavour, protocol) for flavour in ("full", "sample") for protocol in ("strict", "mlgym")
        ):
            submitted(store, f"s{place}", 0.9, flavour=flavour, protocol=protocol)
        found = board(store, baselines=baselines)
    told = [(one.flavour, one.protocol, one.baseline["accuracy"], len(one.entries)) for one in found.groups]
    assert told == [
        ("full", "strict", 0.4, 1),
        ("full", "mlgym", 0.3, 1),
        ("sample", "strict", 0.5, 1),
        ("sample", "mlgym", 0.5, 1),
    ]


def test_the_best_come_first_and_the_earlier_of_equals(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        for name, accuracy, at in [("s1", 0.5, 1.0), ("s2", 0.9, 3.0), ("s3", 0.9, 2.0)]:
            submitted(store, name, accuracy, at=at)
        assert ranking(board(store)) == [(1, "s3"), (2, "s2"), (3, "s1")]


def test_the_least_come_first_where_less_is_better(tmp_path: Path) -> None:
    metrics = [{"name": "accuracy", "goal": "minimize", "ranks": True}]
    with Store.open(tmp_path) as store:
        submitted(store, "s1", 0.5)
        submitted(store, "s2", 0.3)
        found = board(store, metrics=metrics, target={"value": 0.1, "source": "the floor"})
        assert ranking(found) == [(1, "s2"), (2, "s1")]


def test_a_session_is_ranked_once_by_its_best_and_not_by_what_it_did_not_hand_in(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        submitted(store, "s1", 0.5)
        for phase, artefact, accuracy in [
            ("submit", f"s1-{'0' * 62}", 0.6),
            ("validate", f"s1-{'0' * 62}", 0.8),
            ("submit", "other", 0.9),
        ]:
            kept = store.submissions.add("s1", phase, artefact, size=3, at=2.0)
            store.scores.add(kept.id, score(scores={"accuracy": accuracy}, artefact=artefact), at=2.0)
        [entry] = board(store).group("sample", "strict").entries
        assert (entry.value, entry.at) == (0.6, 2.0)


def test_an_entry_carries_what_a_reader_compares(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        errors = {"accuracy": 0.01}
        submitted(store, "s1", 0.5, standard_error=errors, reward=0.2, upstream_scores={"accuracy": 0.6})
        [entry] = board(store).group("sample", "strict").entries
    assert (entry.standard_error, entry.reward, entry.upstream_scores) == (0.01, 0.2, {"accuracy": 0.6})
    assert (entry.artefact, entry.exit_status) == ("s1-000000000", "submitted")


def test_published_scores_stand_beside_full_ones_where_the_two_can_be_compared(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        fair = board(store, published=PUBLISHED, comparable={"value": True, "why": "same examples"})
        unfair = board(store, published=PUBLISHED)
    assert [bool(group.published) for group in fair.groups] == [True, True, False, False]
    assert not any(group.published for group in unfair.groups)


def test_neither_a_handle_nor_a_principal_is_on_it(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        submitted(store, "secret-handle", 0.5, artefact="a1")
        told = board(store).model_dump_json()
    assert "a1" in told and "secret-handle" not in told and "local" not in told
