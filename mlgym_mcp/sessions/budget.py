"""Budgets: what a session may spend, what it has spent, what is left. Pure arithmetic; nothing here waits.

A step is one accepted `bash`, `edit`, `validate` or `submit`. Wall time runs from the opening of the session, less the
time spent waiting for the server itself, be it busy or gone. Everything is a frozen value: charging gives a new one.
"""

from dataclasses import dataclass, replace
from typing import Literal

from pydantic import TypeAdapter

from mlgym_mcp.errors import BudgetSpent, CallerError
from mlgym_mcp.tasks.spec import Budget as BudgetLimits

SpentCause = Literal["steps", "wall_time"]


@dataclass(frozen=True, slots=True)
class BudgetLeft:
    """What is left after a call. Seconds; None means without limit."""

    steps: int
    wall_time: float
    validations: int | None
    command_time: float
    """What one command may take: its own limit or what is left of the wall time."""

    def line(self) -> str:
        """What is left, as part of one line of text."""
        parts = [_count(self.steps, "step"), f"{duration(self.wall_time)} of wall time"]
        if self.validations is not None:
            parts.insert(1, _count(self.validations, "validation"))
        return ", ".join(parts) + " left"


@dataclass(frozen=True, slots=True)
class Budget:
    """What a session has spent. Stamps in seconds since the epoch."""

    limits: BudgetLimits
    steps: int = 0
    validations: int = 0
    opened_at: float | None = None
    """None while the session waits to open; wall time doesn't run yet."""
    excused: float = 0.0
    """Seconds spent waiting for the server itself, up to `excused_since`."""
    excused_since: float | None = None
    """When the wait for the server began that is going on now."""
    excuses: int = 0
    """How many calls wait for the server now."""
    before: float = 0.0
    """Seconds of wall time that had been spent at the checkpoint that the session began from."""

    def open(self, now: float) -> "Budget":
        """Start the clock; a clock that runs already goes on."""
        return self if self.opened_at is not None else replace(self, opened_at=now)

    def charge(self, now: float, *, validation: bool = False) -> "Budget":
        """Take one step, and one validation if asked.

        Raises:
            BudgetSpent: there is not enough left; says of what.
        """
        if spent := self.spent(now):
            raise BudgetSpent(_refusal(spent, self.limits))
        if validation and self.validations_left() == 0:
            raise BudgetSpent(
                f"All {_count(self.validations, 'validation')} of this session are used; `submit` still scores."
            )
        return replace(self, steps=self.steps + 1, validations=self.validations + validation)

    def refund(self, *, validation: bool = False) -> "Budget":
        """Give back what a call was charged that turned out to be free."""
        return replace(self, steps=max(0, self.steps - 1), validations=max(0, self.validations - validation))

    def carried_over(self, now: float) -> "Budget":
        """What a session begins with that goes on from here: all that was spent, on a clock that waits to run."""
        return Budget(self.limits, self.steps, self.validations, before=self.elapsed(now))

    def excuse(self, now: float) -> "Budget":
        """Stop the clock until `resume`: a call waits for the server itself. Overlapping waits count once."""
        since = now if self.excused_since is None else self.excused_since
        return replace(self, excused_since=since, excuses=self.excuses + 1)

    def resume(self, now: float) -> "Budget":
        """End one wait for the server; the clock runs on when it was the last."""
        if self.excused_since is None or self.excuses > 1:
            return replace(self, excuses=max(0, self.excuses - 1))
        waited = max(0.0, now - self.excused_since)
        return replace(self, excused=self.excused + waited, excused_since=None, excuses=0)

    def absent(self, since: float, now: float) -> "Budget":
        """Excuse the time in which no server was there, and end all waits for the one that is gone."""
        if self.opened_at is None:
            return self
        begun = max(since, self.opened_at) if self.excused_since is None else self.excused_since
        return replace(self, excused_since=min(begun, now), excuses=1).resume(now)

    def elapsed(self, now: float) -> float:
        """Seconds of wall time spent."""
        if self.opened_at is None:
            return self.before
        until = now if self.excused_since is None else self.excused_since
        return self.before + max(0.0, until - self.opened_at - self.excused)

    def overtime(self, now: float) -> float:
        """Seconds since the wall time was over; negative until then."""
        return self.elapsed(now) - self.limits.wall_time

    def spent(self, now: float) -> SpentCause | None:
        """What has run out, or None."""
        if self.steps >= self.limits.steps:
            return "steps"
        return "wall_time" if self.overtime(now) >= 0 else None

    def validations_left(self) -> int | None:
        """How many validations are left; None without limit."""
        return None if self.limits.validations is None else max(0, self.limits.validations - self.validations)

    def left(self, now: float) -> BudgetLeft:
        """What is left."""
        wall_time = max(0.0, self.limits.wall_time - self.elapsed(now))
        return BudgetLeft(
            steps=max(0, self.limits.steps - self.steps),
            wall_time=wall_time,
            validations=self.validations_left(),
            command_time=min(self.limits.command_time, wall_time),
        )


def lowered(limits: BudgetLimits, *, steps: int | None, wall_time: float | None) -> BudgetLimits:
    """A task's limits, or lower ones; None: as the task has it.

    Raises:
        CallerError: one is higher than the task's.
    """
    if steps is not None and steps > limits.steps:
        raise CallerError(f"This task gives a session {_count(limits.steps, 'step')} at most; ask for no more.")
    if wall_time is not None and wall_time > limits.wall_time:
        raise CallerError(
            f"This task gives a session {limits.wall_time:g} seconds of wall time at most; ask for no more."
        )
    return limits.model_copy(update={"steps": steps or limits.steps, "wall_time": wall_time or limits.wall_time})


_RECORD = TypeAdapter(Budget)


def dump_budget(budget: Budget) -> str:
    """A budget as JSON."""
    return _RECORD.dump_json(budget).decode()


def load_budget(record: str) -> Budget:
    """A budget from its JSON."""
    return _RECORD.validate_json(record)


def _refusal(spent: SpentCause, limits: BudgetLimits) -> str:
    if spent == "steps":
        return f"All {_count(limits.steps, 'step')} of this session are used."
    return f"The wall time of this session, {duration(limits.wall_time)}, is over."


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def duration(seconds: float) -> str:
    """Seconds as hours, minutes and seconds."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02d} min"
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"
