"""The judge's side of submissions that are policies with checkpoints: play, and what the played episodes come to.

Of each of five checkpoints, five seeds times some environments play one episode each, side by side. Only graders
whose profile has numpy import this.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from judging import Case, Contestant, Fault, Measure
from wire import Array, Header

CHECKPOINTS = 5
SEEDS = 5
ENVIRONMENTS = {"full": 256, "sample": 16}
"""Of each seed, by flavour."""
LOAD_LIMIT = 120.0
"""Seconds for a checkpoint's first actions, with importing, loading and compiling."""
STEP_LIMIT = 30.0
"""Seconds for every later step."""


class Games(Protocol):
    """Environments that step side by side in the judge. All arrays are numpy's, with one row an environment."""

    def reset(self, seed: int, *, seeds: int, environments: int) -> Any:
        """Start anew; the first observations, those of one seed after those of another."""

    def step(self, actions: Any) -> tuple[Any, Any, Any]:
        """Observations, rewards, and which episodes are over."""


@dataclass(frozen=True)
class Actions:
    """What one action may be."""

    dtype: str
    """`int32` for a choice, `float32` for a vector."""
    shape: tuple[int, ...] = ()
    choices: int | None = None

    def of(self, answer: list[Array], *, count: int, what: str) -> Any:
        """The `count` actions of a contestant's answer; `what` names the place in a fault.

        Raises:
            Fault: it is not one array of that dtype and shape, or an action is not allowed.
        """
        shape = (count, *self.shape)
        if len(answer) != 1 or answer[0].dtype != self.dtype or answer[0].shape != shape:
            found = f"{answer[0].dtype} {list(answer[0].shape)}" if answer else "nothing"
            raise Fault("malformed", f"{what}: the actions are {found}; {self.dtype} {list(shape)} is expected")
        actions = np.frombuffer(answer[0].data, self.dtype).reshape(shape)
        if not np.isfinite(actions).all():
            raise Fault("not_finite", f"{what}: an action is not a finite number")
        if self.choices is not None and not ((actions >= 0) & (actions < self.choices)).all():
            wrong = actions[(actions < 0) | (actions >= self.choices)][0]
            raise Fault("bad_answer", f"{what}: an action is {wrong}; 0 to {self.choices - 1} are allowed")
        return actions


def score(case: Case, games: Games, actions: Actions, *, frames: int) -> dict[str, Measure]:
    """Play all checkpoints for at most `frames` steps; mean and spread of the episodes' undiscounted returns."""
    places = find_checkpoints(case.submission)
    environments = ENVIRONMENTS[case.flavour]
    returns = np.zeros((CHECKPOINTS, SEEDS, environments))
    for index, place in enumerate(places):
        observations = games.reset(case.seed, seeds=SEEDS, environments=environments)
        player = _Player(case.contestant(index), place, actions)
        returns[index] = _play(player, games, observations, frames).reshape(SEEDS, environments)
    return summarise(returns)


def find_checkpoints(submission: Path) -> list[str]:
    """The five checkpoints, relative to the submission.

    Raises:
        Fault: policy.py or one of them is absent, or two hold the same bytes.
    """
    if not (submission / "policy.py").is_file():
        raise Fault("missing_file", "the submission has no file policy.py")
    places = [f"checkpoints/{index}" for index in range(CHECKPOINTS)]
    seen: dict[str, str] = {}
    for place in places:
        digest = _digest(submission / place)
        if digest is None:
            raise Fault("missing_file", f"the submission has no file or folder {place} with anything in it")
        if digest in seen:
            raise Fault("same_checkpoints", f"{seen[digest]} and {place} are identical; train five times")
        seen[digest] = place
    return places


def summarise(returns: Any) -> dict[str, Measure]:
    """Mean and standard deviation over all episodes of returns [checkpoints, seeds, environments].

    Standard errors are over the checkpoint × seed means: both are drawn, and one may matter more than the other.
    """
    spread = float(returns.std())
    # What one episode adds to the standard deviation, to first order.
    influence = (returns - returns.mean()) ** 2 / (2 * spread) if spread else np.zeros_like(returns)
    return {
        "reward_mean": Measure(float(returns.mean()), _two_way_error(returns.mean(axis=2))),
        "reward_std": Measure(spread, _two_way_error(influence.mean(axis=2))),
    }


@dataclass(frozen=True)
class _Player:
    """One checkpoint's policy, in a contestant of its own."""

    contestant: Contestant
    place: str
    actions: Actions

    def act(self, observations: Any, *, frame: int) -> Any:
        first = np.full(len(observations), frame == 0)
        question: Header = {"op": "policy", "checkpoint": self.place, "dtype": self.actions.dtype}
        limit = STEP_LIMIT if frame else LOAD_LIMIT
        _, answer = self.contestant.ask(question, [Array.of(observations), Array.of(first)], limit=limit)
        return self.actions.of(answer, count=len(observations), what=f"{self.place}, step {frame + 1}")


def _play(player: _Player, games: Games, observations: Any, frames: int) -> Any:
    """The return of every environment's first episode, as far as `frames` go."""
    running = np.ones(len(observations), bool)
    returns = np.zeros(len(observations))
    for frame in range(frames):
        observations, rewards, done = games.step(player.act(observations, frame=frame))
        returns += np.where(running, rewards, 0.0)
        running &= ~done
        if not running.any():
            break
    return returns


def _two_way_error(cells: Any) -> float:
    """The standard error of the mean over [checkpoints, seeds] when rows and columns are both drawn at random."""
    rows, columns = cells.shape
    by_row, by_column, mean = cells.mean(axis=1), cells.mean(axis=0), cells.mean()
    rest = cells - by_row[:, None] - by_column[None, :] + mean
    error_square = float((rest**2).sum()) / ((rows - 1) * (columns - 1))
    row_square = columns * float(by_row.var(ddof=1))
    column_square = rows * float(by_column.var(ddof=1))
    return float(np.sqrt(max(row_square + column_square - error_square, error_square, 0.0) / (rows * columns)))


def _digest(place: Path) -> str | None:
    """Of the bytes that a checkpoint holds, whatever its files are called; None where there are none."""
    files = [place] if place.is_file() else [path for path in place.rglob("*") if path.is_file()]
    contents = sorted(hashlib.sha256(path.read_bytes()).digest() for path in files)
    return hashlib.sha256(b"".join(contents)).hexdigest() if contents else None
