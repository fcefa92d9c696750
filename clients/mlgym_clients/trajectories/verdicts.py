"""The scores of a `.traj`, which have no steps, given to the calls that they came of."""

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mlgym_clients.records.folder import Event

NAMES = {"bleu_score": "legacy_character_bleu", "validation_loss": "val_loss"}
"""Metrics that go by another name here, beside those that differ in capitals and spaces alone."""

Scores = Mapping[str, float]
Reply = dict[str, Any]


def metric(name: str) -> str:
    """Our name of one of the original's metrics."""
    plain = name.strip().lower().replace(" ", "_")
    return NAMES.get(plain, plain)


@dataclass
class Verdicts:
    """Scores in the order in which they were recorded, each taken once."""

    scores: Sequence[Scores]
    baseline: Scores
    upstream: bool
    """Whether they are of the original's examples."""
    protocol: str
    waiting: deque[Scores] = field(default_factory=deque)

    def __post_init__(self) -> None:
        self.waiting.extend(self.scores)

    def next(self, phase: str, shown: str, *, left: int) -> Reply:
        """The reply to a `validate` or `submit` that showed something; `left`: steps."""
        quoted = bool(self.waiting) and _quotes(shown, self.waiting[0])
        # A submit of the original shows nothing of its score; what is left then is its.
        taken = self.waiting.popleft() if quoted or (phase == "submit" and self.waiting) else None
        fault = None if taken is not None else (shown.strip().split("\n")[0][:200] or "not scored")
        return {**self._reply(phase, taken, left), "shown": shown, "fault": fault}

    def left(self, at: float) -> list[Event]:
        """What nobody asked for: the scores of a submission at the end of a budget."""
        replies = [self._reply("submit", self.waiting.popleft(), 0) for _ in range(len(self.waiting))]
        request = {"automatic": True}
        return [
            {
                "kind": "submit",
                "at": at,
                "seconds": 0.0,
                "request": request,
                "reply": {**reply, "fault": None},
                "error": None,
            }
            for reply in replies
        ]

    def _reply(self, phase: str, scores: Scores | None, left: int) -> Reply:
        reply: Reply = {"phase": phase, "outcome": "submission_fault", "score": None, "budget": {"steps": left}}
        if scores is None:
            return reply
        named = {metric(name): float(value) for name, value in scores.items()}
        baseline = {metric(name): float(value) for name, value in self.baseline.items()}
        score = {"scores": named, "standard_error": {}, "baseline": baseline, "protocol": self.protocol}
        if self.upstream:
            score["upstream_scores"] = named
        return {**reply, "outcome": "scored", "score": score}


def _quotes(shown: str, scores: Scores) -> bool:
    return all(str(value) in shown or f"{value:.6g}" in shown for value in scores.values())
