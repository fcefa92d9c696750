"""Budgets are arithmetic: steps, validations, and a clock that stands still while the server is waited for."""

import pytest

from mlgym_mcp.errors import BudgetSpent
from mlgym_mcp.sessions.budget import Budget, dump_budget, load_budget
from mlgym_mcp.tasks.spec import Budget as BudgetLimits

LIMITS = BudgetLimits(steps=3, command_time=60, wall_time=100, validations=2)
FRESH = Budget(LIMITS).open(1000.0)


def test_each_accepted_call_costs_a_step() -> None:
    left = FRESH.charge(1000).charge(1001).left(1001)
    assert (left.steps, left.validations) == (1, 2)


def test_a_validation_costs_a_step_and_a_validation() -> None:
    left = FRESH.charge(1000, validation=True).left(1000)
    assert (left.steps, left.validations) == (2, 1)


def test_a_call_after_the_last_step_is_refused() -> None:
    spent = FRESH.charge(1000).charge(1000).charge(1000)
    assert spent.spent(1000) == "steps"
    with pytest.raises(BudgetSpent, match="All 3 steps of this session are used"):
        spent.charge(1000)


def test_a_validation_after_the_last_one_is_refused_while_steps_are_left() -> None:
    spent = FRESH.charge(1000, validation=True).charge(1000, validation=True)
    with pytest.raises(BudgetSpent, match="All 2 validations"):
        spent.charge(1000, validation=True)
    assert spent.charge(1000).left(1000).steps == 0


def test_validations_are_unlimited_where_the_task_does_not_limit_them() -> None:
    assert Budget(BudgetLimits()).left(0).validations is None


def test_a_refund_gives_back_what_was_charged_and_never_more() -> None:
    assert FRESH.charge(1000, validation=True).refund(validation=True) == FRESH
    assert FRESH.refund(validation=True) == FRESH


def test_wall_time_runs_from_the_opening() -> None:
    assert Budget(LIMITS).elapsed(5000) == 0
    assert FRESH.elapsed(1030) == 30
    assert FRESH.open(1030) == FRESH


def test_a_call_after_the_wall_time_is_refused() -> None:
    assert FRESH.spent(1099.9) is None
    assert FRESH.spent(1100) == "wall_time"
    with pytest.raises(BudgetSpent, match="1 min 40 s, is over"):
        FRESH.charge(1100)


def test_waiting_for_the_server_is_not_charged() -> None:
    waiting = FRESH.excuse(1010)
    assert waiting.elapsed(1500) == 10
    assert waiting.resume(1500).elapsed(1505) == 15


def test_overlapping_waits_count_once() -> None:
    both = FRESH.excuse(1010).excuse(1020)
    assert both.resume(1030).elapsed(1040) == 10
    assert both.resume(1030).resume(1040).elapsed(1045) == 15


def test_the_absence_of_a_server_is_not_charged() -> None:
    assert FRESH.absent(1010, 1500).elapsed(1505) == 15
    assert FRESH.absent(990, 1500).elapsed(1505) == 5
    assert Budget(LIMITS).absent(0, 1500) == Budget(LIMITS)


def test_an_absence_ends_the_waits_for_the_server_that_is_gone_and_counts_once() -> None:
    both = FRESH.excuse(1010).excuse(1020)
    assert both.absent(1030, 1500).elapsed(1505) == 15


def test_resuming_what_was_not_excused_changes_nothing() -> None:
    assert FRESH.resume(1050) == FRESH


def test_a_clock_set_back_gives_no_time_and_takes_none() -> None:
    assert FRESH.elapsed(900) == 0
    assert FRESH.excuse(1010).resume(1000).excused == 0


def test_a_command_may_take_its_limit_or_what_is_left_of_the_wall_time() -> None:
    assert FRESH.left(1000).command_time == 60
    assert FRESH.left(1070).command_time == 30
    assert FRESH.left(2000).command_time == 0


def test_a_budget_survives_its_json() -> None:
    budget = FRESH.charge(1000, validation=True).excuse(1020)
    assert load_budget(dump_budget(budget)) == budget


@pytest.mark.parametrize(
    ("budget", "now", "line"),
    [
        (FRESH, 1000, "3 steps, 2 validations, 1 min 40 s of wall time left"),
        (FRESH.charge(0).charge(0, validation=True), 1058, "1 step, 1 validation, 42 s of wall time left"),
        (Budget(BudgetLimits()), 0, "50 steps, 12 h 00 min of wall time left"),
    ],
)
def test_what_is_left_is_one_line(budget: Budget, now: float, line: str) -> None:
    assert budget.left(now).line() == line
