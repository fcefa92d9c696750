"""Figures of k attempts."""

import itertools
import statistics

import pytest
from mlgym_clients.metrics.at_k import best_at_k, mean_and_error, pass_at_k, passes
from mlgym_clients.metrics.table import Problem


def test_the_best_of_all_attempts_is_the_best_one() -> None:
    assert best_at_k("maximize", [0.2, None, 0.7, 0.5], 4) == 0.7
    assert best_at_k("minimize", [0.2, None, 0.7, 0.5], 4) == 0.2


@pytest.mark.parametrize("goal", ["maximize", "minimize"])
@pytest.mark.parametrize("k", [1, 2, 3, 4, 5])
def test_the_best_of_fewer_is_the_mean_over_all_draws(goal: str, k: int) -> None:
    values = [3.0, None, 1.0, 4.0, 1.0]
    best = max if goal == "maximize" else min
    drawn = [
        best(scored)
        for draw in itertools.combinations(values, k)
        if (scored := [value for value in draw if value is not None])
    ]
    assert best_at_k(goal, values, k) == pytest.approx(statistics.mean(drawn))  # type: ignore[arg-type]


@pytest.mark.parametrize(("values", "k"), [([], 1), ([None, None], 2), ([1.0], 2), ([1.0], 0)])
def test_there_is_no_best_of_what_was_not_made_or_not_scored(values: list[float | None], k: int) -> None:
    assert best_at_k("maximize", values, k) is None


@pytest.mark.parametrize(("passed", "made", "k"), [(0, 5, 2), (1, 5, 2), (3, 5, 2), (5, 5, 1), (2, 4, 4)])
def test_pass_at_k_is_the_share_of_draws_in_which_one_passes(passed: int, made: int, k: int) -> None:
    draws = list(itertools.combinations([True] * passed + [False] * (made - passed), k))
    assert pass_at_k(passed, made, k) == pytest.approx(sum(map(any, draws)) / len(draws))


def test_more_attempts_than_were_made_can_not_be_told() -> None:
    assert pass_at_k(1, 3, 4) is None


def test_equal_to_the_baseline_is_no_pass() -> None:
    assert passes(Problem("t", "maximize", 1.0), [1.0, 1.1, 0.9, None]) == 1
    assert passes(Problem("t", "minimize", 1.0), [1.0, 1.1, 0.9, None]) == 1
    assert passes(Problem("t", "minimize", None), [1.0]) is None


def test_the_error_is_that_of_the_mean() -> None:
    values = [1.0, 2.0, 4.0, 9.0]
    mean, error = mean_and_error(values)
    assert mean == statistics.mean(values)
    assert error == pytest.approx(statistics.stdev(values) / 2)
    assert mean_and_error([3.0]) == (3.0, None)
    assert mean_and_error([]) == (None, None)
