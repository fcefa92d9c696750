"""Colonel Blotto, played by the real judge against real contestants."""

from pathlib import Path
from typing import Any

import pytest

from mlgym_mcp.tasks.spec import TaskSpec
from tests.runners.stage import open_stage, pack

TASK = TaskSpec.load(Path(__file__).parents[2] / "tasks/blotto-v1")
BEST = "[30, 30, 30, 30, 0, 0]"


def played(root: Path, strategy: str, *, phase: str = "validate", seed: int = 1) -> dict[str, Any]:
    with open_stage(root, grader=TASK.grader.read_text(), artefact=pack({"strategy.py": strategy})) as stage:
        return stage.grade(kind="code", phase=phase, seed=seed)


def always(placement: str) -> str:
    return f"def row_strategy(history):\n    return {placement}\n"


def beating(last: str) -> str:
    """One soldier more than the column player's last placement on its four emptiest fields."""
    return (
        "def row_strategy(history):\n"
        f"    if not history: return {BEST}\n"
        f"    column = {last}\n"
        "    placed = [0] * 6\n"
        "    for field in sorted(range(6), key=column.__getitem__)[:4]: placed[field] = column[field] + 1\n"
        "    return placed if sum(placed) <= 120 else [0] * 6\n"
    )


@pytest.mark.parametrize(
    ("strategy", "expected"),
    [
        (always(BEST), TASK.target.value),
        (always("tuple([0, 30, 0, 30, 30, 30])"), TASK.target.value),
        (TASK.baseline_files()["strategy.py"].read_text(), TASK.baselines.of("full", "strict")["score"]),
    ],
    ids=["the best placement", "the best placement on other fields", "the baseline"],
)
def test_strategies_earn_what_was_computed(tmp_path: Path, strategy: str, expected: float) -> None:
    verdict = played(tmp_path, strategy, seed=2)
    error = verdict["standard_error"]["score"]
    assert abs(verdict["scores"]["score"] - expected) < 4.5 * error and 0 < error < 0.004


@pytest.mark.parametrize("placement", ["[120, 0, 0, 0, 0, 0]", "[0] * 6"])
def test_who_gives_up_five_fields_loses_every_round(tmp_path: Path, placement: str) -> None:
    assert played(tmp_path, always(placement))["scores"]["score"] < -0.999


def test_the_column_player_places_all_soldiers_anew_each_round(tmp_path: Path) -> None:
    strategy = (
        "def row_strategy(history):\n"
        "    for row, column in history:\n"
        "        assert row == (20,) * 6 and len(column) == 6 and sum(column) == 120 and min(column) >= 0\n"
        "    assert len({column for _, column in history}) == len(history)\n"
        "    return [20] * 6\n"
    )
    assert played(tmp_path, strategy)["outcome"] == "scored"


def test_history_helps_nobody(tmp_path: Path) -> None:
    verdict = played(tmp_path, beating("history[-1][1]"))
    assert verdict["scores"]["score"] < TASK.target.value


def test_the_starter_is_valid_and_does_not_beat_the_baseline(tmp_path: Path) -> None:
    verdict = played(tmp_path, TASK.starter_files()["strategy.py"].read_text())
    assert verdict["scores"]["score"] < TASK.baselines.of("full", "strict")["score"]


def test_the_same_seed_gives_the_same_score_and_another_seed_another(tmp_path: Path) -> None:
    with open_stage(tmp_path, grader=TASK.grader.read_text(), artefact=pack({"strategy.py": always(BEST)})) as stage:
        first, again, other = (stage.grade(kind="code", seed=seed)["scores"] for seed in (7, 7, 8))
    assert first == again != other


@pytest.mark.parametrize(
    ("placement", "code", "message"),
    [
        ("[121, 0, 0, 0, 0, 0]", "bad_answer", "round 1, game 1: [121, 0, 0, 0, 0, 0] places 121 soldiers"),
        ("[20, 20, 20, 20, 20, 21]", "bad_answer", "at most 120 in all and at least 0 on each are allowed"),
        ("[121, -1, 0, 0, 0, 0]", "bad_answer", "places 120 soldiers, the fewest on a field -1"),
        ("[0] * 6 if not history else [2 ** 62] * 6", "bad_answer", "round 2, game 1: [4611686018427387904, "),
        ("[2 ** 63] + [0] * 5", "raised", "ValueError: row_strategy returned an int of 64 bits; 63 are allowed"),
        ("[20] * 5", "raised", "ValueError: row_strategy returned 5 numbers; a list of 6 ints is expected"),
        ("__import__('itertools').repeat(1)", "raised", "returned more than 6 numbers; a list of 6 ints is expected"),
        ("[20.0] * 6", "raised", "TypeError: row_strategy returned 20.0 (float); an int is expected"),
        ("[True] * 6", "raised", "TypeError: row_strategy returned True (bool); an int is expected"),
        ("[float('nan')] * 6", "raised", "TypeError: row_strategy returned nan (float); an int is expected"),
        ("None", "raised", "TypeError: row_strategy returned None (NoneType); a list of 6 ints is expected"),
        ("{1, 2, 3, 4, 5, 6}", "raised", "(set); a list of 6 ints is expected"),
        ("20", "raised", "TypeError: row_strategy returned 20 (int); a list of 6 ints is expected"),
    ],
)
def test_a_placement_that_is_not_allowed_is_a_fault(tmp_path: Path, placement: str, code: str, message: str) -> None:
    verdict = played(tmp_path, always(placement))
    assert (verdict["outcome"], verdict["code"]) == ("submission_fault", code)
    assert message in verdict["message"]


def test_a_submission_without_the_file_is_a_fault(tmp_path: Path) -> None:
    with open_stage(tmp_path, grader=TASK.grader.read_text(), artefact=pack({"other.py": ""})) as stage:
        assert stage.grade(kind="code")["message"] == "the submission has no file strategy.py"
