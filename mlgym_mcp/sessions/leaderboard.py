"""Leaderboards: what the sessions of a task submitted, ranked among their like."""

from typing import get_args

from pydantic import BaseModel, ConfigDict

from mlgym_mcp.store import Records, Standing
from mlgym_mcp.tasks.measures import Flavour, Metric, Protocol, PublishedScore, Scores
from mlgym_mcp.tasks.spec import TaskSpec

SHOWN_HASH = 12
"""Digits of an artefact's hash that name it."""


class Record(BaseModel):
    """A part of a leaderboard: frozen."""

    model_config = ConfigDict(frozen=True)


class Entry(Record):
    """The best submission of one session. `at` in seconds since the epoch."""

    rank: int
    artefact: str
    """The beginning of its hash."""
    value: float
    """Of the metric that ranks."""
    standard_error: float | None
    scores: Scores
    reward: float | None
    upstream_scores: Scores | None
    """On all of the original's examples: these stand beside published scores."""
    at: float
    exit_status: str | None
    branched: bool
    """Whether its session began from a checkpoint or went back to one."""
    aids: tuple[str, ...] = ()
    """What its session had beside its sandbox: `memory`, `literature`."""


class Group(Record):
    """What was measured alike: one flavour under one protocol. Groups are never held against each other."""

    flavour: Flavour
    protocol: Protocol
    baseline: Scores
    target: float
    """The value of the ranking metric that earns a reward of 1."""
    entries: tuple[Entry, ...]
    published: dict[str, PublishedScore]
    """Of the original's paper, to stand beside `upstream_scores`; empty where that would not be fair."""


class Leaderboard(Record):
    """Everything that was submitted to one task. Names no session and nobody."""

    task: str
    metric: Metric
    target_source: str
    comparable: bool
    comparable_why: str
    groups: tuple[Group, ...]

    def group(self, flavour: Flavour, protocol: Protocol) -> Group:
        """The group of one flavour and protocol."""
        return next(one for one in self.groups if (one.flavour, one.protocol) == (flavour, protocol))


def leaderboard(store: Records, task: TaskSpec) -> Leaderboard:
    """The leaderboard of a task, all four groups of it, filled or not."""
    return leaderboard_of(task, store.scores.standings(task.id))


def leaderboard_of(task: TaskSpec, standings: list[Standing]) -> Leaderboard:
    """The leaderboard that a task's standings come to."""
    return Leaderboard(
        task=task.id,
        metric=task.ranking,
        target_source=task.target.source,
        comparable=task.comparable.value,
        comparable_why=task.comparable.why,
        groups=tuple(
            _group(task, flavour, protocol, standings)
            for flavour in get_args(Flavour)
            for protocol in get_args(Protocol)
        ),
    )


def ranked(task: TaskSpec, flavour: Flavour, protocol: Protocol, standings: list[Standing]) -> list[Standing]:
    """What was measured alike, one standing a session, best first: whose entries a group has, in this order."""
    metric = task.ranking
    alike = [
        one
        for one in standings
        if (one.score.flavour, one.score.protocol) == (flavour, protocol) and metric.name in one.score.scores
    ]
    return sorted(_best_of_each_session(alike, metric), key=lambda one: _place(one, metric))


def _group(task: TaskSpec, flavour: Flavour, protocol: Protocol, standings: list[Standing]) -> Group:
    best = ranked(task, flavour, protocol, standings)
    fair = task.comparable.value and flavour == "full"
    return Group(
        flavour=flavour,
        protocol=protocol,
        baseline=task.baselines.of(flavour, protocol),
        target=task.target.value,
        entries=tuple(_entry(rank, one, task.ranking) for rank, one in enumerate(best, start=1)),
        published=task.published if fair else {},
    )


def _best_of_each_session(standings: list[Standing], metric: Metric) -> list[Standing]:
    best: dict[str, Standing] = {}
    for one in standings:
        if one.session not in best or _place(one, metric) < _place(best[one.session], metric):
            best[one.session] = one
    return list(best.values())


def _place(one: Standing, metric: Metric) -> tuple[float, float, str]:
    value = one.score.scores[metric.name]
    return (-value if metric.goal == "maximize" else value, one.at, one.artefact)


def _entry(rank: int, one: Standing, metric: Metric) -> Entry:
    return Entry(
        rank=rank,
        artefact=one.artefact[:SHOWN_HASH],
        value=one.score.scores[metric.name],
        standard_error=one.score.standard_error.get(metric.name),
        scores=one.score.scores,
        reward=one.score.reward,
        upstream_scores=one.score.upstream_scores,
        at=one.at,
        exit_status=one.exit_status,
        branched=one.score.branched,
        aids=one.score.aids,
    )
