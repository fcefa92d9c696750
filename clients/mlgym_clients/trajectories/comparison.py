"""What was recorded of a step beside what came of it when it was made again."""

import difflib
import math
import re
from typing import Literal

from mlgym_clients.records.record import Record
from mlgym_clients.trajectories.event import VERDICTS, observation
from mlgym_clients.trajectories.step import Step

Verdict = Literal[
    "same",
    "same but for times and places",
    "output differs",
    "exit status differs",
    "score differs by chance",
    "score differs",
    "refused otherwise",
    "not compared",
    "not replayed",
]
DIVERGED = ("output differs", "exit status differs", "score differs", "refused otherwise", "not replayed")
"""Verdicts after which a replay is none of the same trajectory any more."""
ERRORS = 3.0
"""Standard errors within which two scores differ by chance."""
SHOWN, COMPARED = 8, 400
"""Lines of a difference that are shown, and of outputs that are held against each other for it."""
LONGEST = 200
"""Characters of a line that is shown."""

MONTHS = "Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec"
UNITS = r"ns|us|µs|ms|s|secs?|seconds?|min|minutes?|h|hours?|it/s|s/it"
PASSING = (
    (re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d([.,]\d+)?)?(Z|[+-]\d\d:?\d\d)?"), "<time>"),
    (re.compile(rf"\b({MONTHS}) +\d+ +(\d\d:\d\d(:\d\d)?|\d{{4}})( +\w+)?( +\d{{4}})?"), "<time>"),
    (re.compile(r"\b\d+:\d\d(:\d\d)?(\.\d+)?\b"), "<time>"),
    (re.compile(rf"(?<![\w.])\d+(\.\d+)?(e-?\d+)? ?({UNITS})(?![\w/])"), "<time>"),
    (re.compile(r"\d+m\d+\.\d+s"), "<time>"),
    (re.compile(r"/tmp/[\w.+-]+(/[\w.+-]+)*"), "<path>"),
    (re.compile(r"/home/agent/workspace\b"), "/workspace"),
    (re.compile(r"0x[0-9a-f]{5,}"), "<address>"),
    (re.compile(r"\b[0-9a-f]{12,}\b"), "<id>"),
    (re.compile(r"\[\d+\] +\d+\b|\b(pid|PID)[ =:]+\d+"), "<process>"),
    (re.compile(r"\bj\d+\b"), "<job>"),
)
"""What differs from one time to the next though the same happened."""


class Compared(Record):
    """One step of a replay."""

    number: int
    action: str
    verdict: Verdict
    detail: str = ""


def compare(recorded: Step, made: Step) -> tuple[Verdict, str]:
    """How a step came out this time, and in which lines it differs."""
    if (recorded.error is None) != (made.error is None):
        return "refused otherwise", f"recorded: {_line(recorded)}; now: {_line(made)}"
    if recorded.kind in VERDICTS and recorded.error is None:
        return _scores(recorded, made)
    if recorded.running and made.running:
        return "not compared", "it was left while it ran"
    before, now = recorded.result.get("exit_code"), made.result.get("exit_code")
    if before is not None and before != now:
        return "exit status differs", f"recorded: {before}; now: {now}\n{_difference(recorded, made)}".rstrip()
    return _texts(observation(recorded.event), observation(made.event))


def lasting(text: str) -> str:
    """A text without what differs from one time to the next though the same happened."""
    for pattern, word in PASSING:
        text = pattern.sub(word, text)
    return "\n".join(line.rstrip() for line in text.split("\n") if line.strip())


def _texts(before: str, now: str) -> tuple[Verdict, str]:
    if before == now:
        return "same", ""
    if lasting(before) == lasting(now):
        return "same but for times and places", ""
    return "output differs", _diff(before, now)


def _difference(recorded: Step, made: Step) -> str:
    return _texts(observation(recorded.event), observation(made.event))[1]


def _diff(before: str, now: str) -> str:
    """The first lines that differ."""
    old, new = (lasting(text).split("\n")[:COMPARED] for text in (before, now))
    lines = difflib.unified_diff(old, new, n=0, lineterm="")
    found = [line[:LONGEST] for line in lines if line[:3] not in ("---", "+++") and not line.startswith("@@")]
    return "\n".join(found[:SHOWN]) or f"after line {COMPARED}"


def _scores(recorded: Step, made: Step) -> tuple[Verdict, str]:
    before, now = recorded.reply or {}, made.reply or {}
    if before.get("outcome") != now.get("outcome"):
        return "score differs", f"recorded: {_line(recorded)}; now: {_line(made)}"
    old, new = before.get("score") or {}, now.get("score") or {}
    scores, again = old.get("scores") or {}, new.get("scores") or {}
    if scores == again:
        return "same", ""
    told = f"recorded: {scores}; now: {again}"
    apart = [name for name in scores.keys() | again.keys() if scores.get(name) != again.get(name)]
    within = all(name in scores and name in again and _by_chance(name, old, new) for name in apart)
    return ("score differs by chance" if within else "score differs"), told


def _by_chance(name: str, old: dict[str, dict[str, float]], new: dict[str, dict[str, float]]) -> bool:
    errors = [(one.get("standard_error") or {}).get(name) or 0.0 for one in (old, new)]
    return abs(old["scores"][name] - new["scores"][name]) <= ERRORS * math.hypot(*errors)


def _line(step: Step) -> str:
    return (observation(step.event).strip().split("\n")[0] or "nothing was said")[:LONGEST]
