"""Profiles and areas where the definition is easy to get wrong."""

import math

import pytest
from mlgym_clients.metrics.profiles import fixed_profiles, profiles, ratios, tau_max
from mlgym_clients.metrics.table import Problem

UP, DOWN = Problem("up", "maximize", 1.0, 3.0), Problem("down", "minimize", 8.0, 2.0)


def test_the_best_has_a_ratio_of_one_and_what_misses_the_baseline_is_just_behind_the_worst() -> None:
    scores = {"a": {"up": 2.0, "down": 4.0}, "b": {"up": 0.5}, "baseline": {"up": 1.0, "down": 8.0}}
    found = ratios(scores, [UP, DOWN])
    assert found.table["a"] == {"up": 1.0, "down": 1.0}
    assert found.table["baseline"] == {"up": 2.0, "down": 2.0}
    assert found.table["b"] == {"up": pytest.approx(2.1), "down": pytest.approx(2.1)}
    assert found.worst == {"up": 2.0, "down": 2.0}


def test_a_negative_score_is_never_feasible_not_even_the_baselines() -> None:
    problem = Problem("blotto", "maximize", -0.25)
    found = ratios({"a": {"blotto": 0.5}, "b": {"blotto": -0.1}, "baseline": {"blotto": -0.25}}, [problem])
    assert [found.table[method]["blotto"] for method in ("a", "b", "baseline")] == pytest.approx([1, 1.05, 1.05])


def test_where_nothing_is_feasible_all_are_alike() -> None:
    found = ratios({"a": {"up": 0.1}, "b": {}}, [UP])
    assert found.table["a"] == found.table["b"]


def test_a_zero_makes_no_endless_ratio() -> None:
    free = Problem("t", "maximize", None)
    assert ratios({"a": {"t": 2.0}, "b": {"t": 0.0}}, [free]).table["b"]["t"] == 1.05
    assert ratios({"a": {"t": 0.0}, "b": {"t": 0.0}}, [free]).table["b"]["t"] == 1.0
    least = Problem("t", "minimize", None)
    assert ratios({"a": {"t": 2.0}, "b": {"t": 0.0}}, [least]).table["a"]["t"] == 1.05


@pytest.mark.parametrize(("worst", "end"), [(1.0, 0.4), (10 / 1.05, 1.0), (10.01 / 1.05, 1.1), (13.396, 1.2)])
def test_the_grid_ends_at_the_first_tenth_beyond_the_worst(worst: float, end: float) -> None:
    found = ratios({"a": {"t": worst}, "b": {"t": 1.0}}, [Problem("t", "maximize", None)])
    assert tau_max(found) == pytest.approx(end)


def test_the_area_is_that_under_the_profile() -> None:
    scores = {"a": {"up": 3.0, "down": 2.0}, "b": {"up": 1.5, "down": 6.0}, "baseline": {"up": 1.0, "down": 8.0}}
    found = profiles(ratios(scores, [UP, DOWN]), 0.8)
    assert found.areas["a"] == pytest.approx(0.8)
    for method, shares in found.shares.items():
        assert found.areas[method] == pytest.approx(sum(shares[:-1]) * 0.8 / 499)
        assert list(shares) == sorted(shares)
    exact = (2 * 0.8 - math.log10(2) - math.log10(3)) / 2
    assert found.areas["b"] == pytest.approx(exact, abs=0.8 / 499)


def test_the_fixed_area_is_the_mean_clipped_reward_whoever_else_is_in_the_table() -> None:
    own = {"up": 2.0, "down": 5.0}
    alone = fixed_profiles({"a": own}, [UP, DOWN])
    among = fixed_profiles({"a": own, "b": {"up": 99.0, "down": 0.1}, "c": {"up": -5.0}}, [UP, DOWN])
    assert alone is not None and among is not None
    assert alone.areas["a"] == among.areas["a"] == pytest.approx((0.5 + 0.5) / 2)
    assert (among.areas["b"], among.areas["c"]) == (1.0, 0.0)
    for method, shares in among.shares.items():
        assert sum(shares[:-1]) / 499 == pytest.approx(among.areas[method], abs=2 / 499)


def test_without_a_target_there_is_no_fixed_area() -> None:
    assert fixed_profiles({"a": {"t": 1.0}}, [Problem("t", "maximize", 1.0)]) is None
    assert fixed_profiles({"a": {"t": 1.0}}, [Problem("t", "maximize", 1.0, 1.0)]) is None
