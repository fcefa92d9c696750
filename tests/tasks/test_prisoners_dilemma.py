"""The iterated prisoner's dilemma, played by the real judge against real contestants."""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from mlgym_mcp.tasks.spec import TaskSpec
from tests.runners.stage import open_stage, pack

TASK = TaskSpec.load(Path(__file__).parents[2] / "tasks/prisoners-dilemma-v1")
PAYOFFS = {(0, 0): 3, (0, 1): 0, (1, 0): 5, (1, 1): 1}
Situation = tuple[int, ...]
"""All that any player looks at: rounds played, whether the row player ever defected, its last two moves, the column
player's last move; 0 stands for what is not there yet."""


def column_defects(situation: Situation) -> float:
    """How likely the column player defects, by the eleven rules as the original has them."""
    played, ever, before, last, column = situation
    if not played:
        return sum([1, 0, 0, 1, 0.5, 0, 0, 0, 1, 0.5, 0]) / 11
    noisy = 0.1667 + 0.4 * column + 0.1 * (1 - last)
    twice = played > 1 and before == last == 1
    forgiving = 0 if twice else last
    return sum([noisy, last, 0, 1, 0.5, ever, last != column, twice, last, 0.5, forgiving]) / 11


def payoffs_to_come(row_defects: Callable[[Situation], float] | None) -> float:
    """The expected mean payoff of a round; None plays the best there is."""

    @cache
    def value(situation: Situation) -> float:
        if situation[0] == 10:
            return 0.0
        worth = [expected(situation, move) for move in (0, 1)]
        if row_defects is None:
            return max(worth)
        share = row_defects(situation)
        return (1 - share) * worth[0] + share * worth[1]

    def expected(situation: Situation, move: int) -> float:
        played, ever, _, last, _ = situation
        share = column_defects(situation)
        return sum(
            chance * (PAYOFFS[move, column] + value((played + 1, ever | move, last, move, column)))
            for column, chance in ((0, 1 - share), (1, share))
        )

    return value((0, 0, 0, 0, 0)) / 10


def baseline_defects(situation: Situation) -> float:
    played, _, _, own, column = situation
    if not played:
        return 0.5
    return 0.75 + 0.15 * own if column else 0.10 + 0.30 * own


def played(root: Path, strategy: str, *, phase: str = "validate", seed: int = 1) -> dict[str, Any]:
    with open_stage(root, grader=TASK.grader.read_text(), artefact=pack({"strategy.py": strategy})) as stage:
        return stage.grade(kind="code", phase=phase, seed=seed)


def always(move: str) -> str:
    return f"def row_strategy(history):\n    return {move}\n"


@pytest.mark.parametrize(
    ("strategy", "defects"),
    [
        (always("0"), lambda _: 0),
        (always("1"), lambda _: 1),
        (always("history[-1][1] if history else 0"), lambda situation: situation[4]),
        (always("len(history) % 2"), lambda situation: situation[0] % 2),
        (always("int(len(history) < 2)"), lambda situation: situation[0] < 2),
        (TASK.baseline_files()["strategy.py"].read_text(), baseline_defects),
    ],
    ids=["always 0", "always 1", "tit for tat", "in turn", "two defections, then peace", "the baseline"],
)
def test_strategies_earn_what_the_rules_say(
    tmp_path: Path, strategy: str, defects: Callable[[Situation], float]
) -> None:
    verdict = played(tmp_path, strategy)
    error = verdict["standard_error"]["score"]
    assert abs(verdict["scores"]["score"] - payoffs_to_come(defects)) < 4.5 * error and error < 0.006


def test_the_stated_baseline_and_target_are_the_baselines_and_the_best_strategys_expectation() -> None:
    assert TASK.baselines.of("full", "strict")["score"] == pytest.approx(payoffs_to_come(baseline_defects), abs=1e-4)
    assert TASK.baselines.of("full", "mlgym")["score"] == 2.3716
    assert TASK.target.value == pytest.approx(payoffs_to_come(None), abs=1e-4)


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
        ("[0]", "raised", "TypeError: row_strategy returned [0] (list); an int is expected"),
    ],
)
def test_a_move_that_is_not_allowed_is_a_fault(tmp_path: Path, move: str, code: str, message: str) -> None:
    verdict = played(tmp_path, always(move))
    assert (verdict["outcome"], verdict["code"]) == ("submission_fault", code)
    assert verdict["message"].endswith(message)


def test_a_submission_without_the_file_is_a_fault(tmp_path: Path) -> None:
    with open_stage(tmp_path, grader=TASK.grader.read_text(), artefact=pack({"other.py": ""})) as stage:
        assert stage.grade(kind="code")["message"] == "the submission has no file strategy.py"
