"""Battle of the sexes, played by the real judge against real contestants."""

from pathlib import Path
from typing import Any

import pytest

from mlgym_mcp.tasks.spec import TaskSpec
from tests.runners.stage import open_stage, pack

TASK = TaskSpec.load(Path(__file__).parents[2] / "tasks/battle-of-the-sexes-v1")


def played(root: Path, strategy: str, *, phase: str = "validate", seed: int = 1) -> dict[str, Any]:
    with open_stage(root, grader=TASK.grader.read_text(), artefact=pack({"strategy.py": strategy})) as stage:
        return stage.grade(kind="code", phase=phase, seed=seed)


def always(move: str) -> str:
    return f"def row_strategy(history):\n    return {move}\n"


@pytest.mark.parametrize(
    ("strategy", "expected"),
    [
        (always("0"), 1.44),
        (always("1"), 0.82),
        (always("0 if history else 1"), (1 + 9 * 0.2 * 2) / 10),
        (always("1 if history else 0"), 9 * 0.2 / 10),
        (TASK.baseline_files()["strategy.py"].read_text(), 1.02104),
    ],
)
def test_strategies_earn_what_the_rules_say(tmp_path: Path, strategy: str, expected: float) -> None:
    verdict = played(tmp_path, strategy)
    assert abs(verdict["scores"]["score"] - expected) < 4.5 * verdict["standard_error"]["score"]


def test_the_stated_baseline_is_the_baselines_expectation() -> None:
    assert TASK.baselines.of("full", "strict")["score"] == pytest.approx(1.02104, abs=1e-4)
    assert TASK.baselines.of("full", "mlgym")["score"] == 1.0227


def test_the_starter_is_valid_and_does_not_beat_the_baseline(tmp_path: Path) -> None:
    verdict = played(tmp_path, TASK.starter_files()["strategy.py"].read_text())
    assert verdict["scores"]["score"] < TASK.baselines.of("full", "strict")["score"]


def test_the_same_seed_gives_the_same_score_and_another_seed_another(tmp_path: Path) -> None:
    with open_stage(tmp_path, grader=TASK.grader.read_text(), artefact=pack({"strategy.py": always("0")})) as stage:
        first, again, other = (stage.grade(kind="code", seed=seed)["scores"] for seed in (7, 7, 8))
    assert first == again != other


@pytest.mark.parametrize(
    ("move", "code", "message"),
    [
        ("2", "bad_answer", "round 1, move of game 1 is 2; 0 to 1 are allowed"),
        ("-1 if history else 0", "bad_answer", "round 2, move of game 1 is -1; 0 to 1 are allowed"),
        ("len(history) // 9 or None", "raised", "TypeError: row_strategy returned None (NoneType); an int is expected"),
    ],
)
def test_a_move_that_is_not_allowed_is_a_fault(tmp_path: Path, move: str, code: str, message: str) -> None:
    verdict = played(tmp_path, always(move))
    assert (verdict["code"], verdict["message"]) == (code, message)


def test_a_submission_without_the_file_is_a_fault(tmp_path: Path) -> None:
    with open_stage(tmp_path, grader=TASK.grader.read_text(), artefact=pack({"other.py": ""})) as stage:
        assert stage.grade(kind="code")["message"] == "the submission has no file strategy.py"


def test_a_strategy_can_not_reach_the_opponent(tmp_path: Path) -> None:
    spy = "import sys\nassert not {'grader', 'judge', 'judging'} & set(sys.modules)\n" + always("0")
    assert played(tmp_path, spy)["outcome"] == "scored"


def test_the_opponents_draws_come_from_no_generator_that_outcomes_give_away() -> None:
    source = TASK.grader.read_text()
    assert "Chance(case.seed)" in source
    assert "import random" not in source
