"""Which trajectories of a run to export, and why others were left out."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from mlgym_clients.records.attempt import Attempt
from mlgym_clients.records.run import RunFacts


@dataclass(frozen=True)
class Selection:
    """What is wanted; a filter that is not set lets everything through."""

    tasks: Sequence[str] = ()
    agents: Sequence[str] = ()
    scored: bool = False
    """Those alone whose submission has a score."""
    above: float | None = None
    """Those alone whose submission has a larger reward."""
    best: int | None = None
    """So many of each task, by the submission's score, of all agents together."""


@dataclass
class Selected:
    """The attempts that were chosen, in order, and how many were left out for what reason."""

    chosen: list[Attempt] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)


def select(attempts: Iterable[Attempt], facts: RunFacts, wanted: Selection) -> Selected:
    """Choose among a run's attempts."""
    found = Selected()
    for attempt in attempts:
        reason = _reason(attempt, wanted)
        if reason is None:
            found.chosen.append(attempt)
        else:
            found.left_out[reason] += 1
    if wanted.best is not None:
        kept = _best(found.chosen, facts, wanted.best)
        found.left_out[f"not among the best {wanted.best} of its task"] += len(found.chosen) - len(kept)
        found.chosen = kept
    found.left_out = +found.left_out
    return found


def _reason(attempt: Attempt, wanted: Selection) -> str | None:
    """Why an attempt is left out by itself."""
    scored = _is_scored(attempt)
    if attempt.state != "finished":
        return "not finished"
    if wanted.tasks and attempt.task not in wanted.tasks:
        return "of another task"
    if wanted.agents and attempt.agent not in wanted.agents:
        return "of another agent"
    if not scored and (wanted.scored or wanted.best is not None):
        return "without a score of its submission"
    if wanted.above is not None:
        reward = attempt.submission.reward if scored and attempt.submission else None
        if reward is None:
            return "without a reward"
        return None if reward > wanted.above else f"with a reward of at most {wanted.above:g}"
    return None


def _is_scored(attempt: Attempt) -> bool:
    return attempt.submission is not None and attempt.submission.outcome == "scored"


def _best(attempts: Sequence[Attempt], facts: RunFacts, number: int) -> list[Attempt]:
    by_task = defaultdict(list)
    for attempt in attempts:
        by_task[attempt.task].append(attempt)
    kept = set()
    for name, some in by_task.items():
        task = facts.task(name)
        sign = 1 if task.goal == "maximize" else -1

        def rank(attempt: Attempt, metric: str = task.metric, sign: int = sign) -> float:
            verdict = attempt.submission
            return sign * verdict.scores[metric] if verdict and metric in verdict.scores else float("-inf")

        kept |= {attempt.key for attempt in sorted(some, key=rank, reverse=True)[:number]}
    return [attempt for attempt in attempts if attempt.key in kept]
