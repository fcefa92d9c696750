"""Runs: which of their trajectories are exported, and what trajectories of elsewhere become."""

import json
from pathlib import Path
from typing import Any

import pytest
from mlgym_clients.records.attempt import Attempt, Measure
from mlgym_clients.records.folder import RunFolder
from mlgym_clients.records.run import AgentSpec, RunFacts
from mlgym_clients.trajectories.importing import Origin, import_all
from mlgym_clients.trajectories.selection import Selection, select
from mlgym_clients.trajectories.traj import to_traj
from mlgym_clients.trajectories.trajectory import BadTrajectory, read_attempt

from tests.cli.terminal import printed, refused
from tests.clients.trajectories.samples import TOY, attempt, original, silent, spoken

OTHER = TOY.model_copy(update={"id": "other-v1", "goal": "minimize"})
FACTS = RunFacts(name="r", created_at=0.0, tasks=(TOY, OTHER), agents=(AgentSpec(name="worker", kind="random"),))


def graded(number: int, accuracy: float | None, reward: float | None = None, **changes: Any) -> Attempt:
    measure = Measure(phase="submit", outcome="scored", scores={"accuracy": accuracy or 0.0}, reward=reward)
    return attempt(number=number, measures=() if accuracy is None else (measure,), **changes)


@pytest.mark.parametrize(
    ("wanted", "chosen", "left_out"),
    [
        (Selection(), [1, 2, 3, 4, 5], {"not finished": 1}),
        (Selection(scored=True), [1, 2, 4, 5], {"not finished": 1, "without a score of its submission": 1}),
        (Selection(tasks=("other-v1",)), [4, 5], {"not finished": 1, "of another task": 3}),
        (Selection(agents=("else",)), [], {"not finished": 1, "of another agent": 5}),
        (Selection(above=0.2), [2], {"not finished": 1, "without a reward": 3, "with a reward of at most 0.2": 1}),
        (
            Selection(best=1),
            [2, 5],
            {"not finished": 1, "without a score of its submission": 1, "not among the best 1 of its task": 2},
        ),
    ],
    ids=["all", "scored", "task", "agent", "above", "best"],
)
def test_filters_choose_and_say_why_others_were_left_out(
    wanted: Selection, chosen: list[int], left_out: dict[str, int]
) -> None:
    attempts = [
        graded(1, 0.6, 0.2),
        graded(2, 0.8, 0.6),
        graded(3, None),
        graded(4, 0.9, task="other-v1"),
        graded(5, 0.1, task="other-v1"),
        graded(6, 0.9, state="failed"),
    ]
    found = select(attempts, FACTS, wanted)
    assert ([one.number for one in found.chosen], dict(found.left_out)) == (chosen, left_out)


def kept(folder: Path) -> RunFolder:
    """A run of two attempts, whose first quotes its session's handle."""
    run = RunFolder(folder)
    run.write_run(FACTS)
    for number, made in enumerate((silent(), spoken()), 1):
        changed = made.attempt.model_copy(update={"number": number, "session": "s3cret"})
        run.write_attempt(changed)
        events = [{**event, "seconds": 0.5} for event in made.events]
        if number == 1:
            events[0]["request"] = {"command": "echo s3cret"}
        run.write_events(changed.key, events)
        for message in made.messages:
            run.add_message(changed.key, message)
    return run


@pytest.mark.parametrize("kind", ["traj", "chat", "atif"])
def test_a_run_is_exported_without_the_handles_of_its_sessions(tmp_path: Path, kind: str) -> None:
    kept(tmp_path / "run")
    said = printed("export", str(tmp_path / "run"), "--format", kind, "--to", str(tmp_path / "out"), "--best", "1")
    assert "1 written" in said and "1 left out: not among the best 1" in said and "dropped:" in said
    printed("export", str(tmp_path / "run"), "--format", kind, "--to", str(tmp_path / "all"))
    files = [tmp_path / "all"] if kind == "chat" else [path for path in (tmp_path / "all").rglob("*") if path.is_file()]
    text = "".join(path.read_text() for path in files)
    assert "[redacted]" in text and "s3cret" not in text
    assert len(files) == {"traj": 4, "chat": 1, "atif": 2}[kind]


def test_where_there_is_no_run_nothing_is_exported(tmp_path: Path) -> None:
    assert "there is no" in refused("export", str(tmp_path))


def test_trajectories_of_elsewhere_become_a_run_that_says_what_they_are(tmp_path: Path) -> None:
    house = TOY.model_copy(update={"id": "regression-house-price-v1", "metric": "r2"})
    places = []
    for number in range(2):
        folder = tmp_path / f"lite:llm 4__regressionKaggleHousePrice__default_run_{number}"
        folder.mkdir()
        places.append(folder / "regressionKaggleHousePrice.traj")
        places[-1].write_text(json.dumps(original()))
    facts = import_all(places, [TOY, house], tmp_path / "run", Origin())
    assert (facts.protocol, facts.flavour, facts.attempts) == ("mlgym", "full", 2)
    first, second = RunFolder(tmp_path / "run").attempts()
    assert (first.agent, first.number, second.number) == ("lite-llm-4", 1, 2)
    assert first.best is not None and first.best.scores["r2"] == 0.9
    read = read_attempt(RunFolder(tmp_path / "run").attempt_folder(first.key))
    assert len(read.events) == 7 and read.messages[1].content == "TASK"
    with pytest.raises(BadTrajectory, match="has a run already"):
        import_all(places, [TOY, house], tmp_path / "run", Origin())
    with pytest.raises(BadTrajectory, match="no task 'regression-house-price-v1'"):
        import_all(places, [TOY], tmp_path / "new", Origin())


def test_what_is_strict_does_not_become_one_run_with_what_is_not(tmp_path: Path) -> None:
    (tmp_path / "a.traj").write_text(json.dumps(to_traj(silent())))
    (tmp_path / "b.traj").write_text(json.dumps(original(task="toy-v1")))
    with pytest.raises(BadTrajectory, match="mlgym/full and strict/sample"):
        import_all([tmp_path / "a.traj", tmp_path / "b.traj"], [TOY], tmp_path / "run", Origin())
    assert not (tmp_path / "run").exists()
