"""What a report is made of: runs, sorted into sections whose scores were measured alike."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mlgym_clients.metrics.bootstrap import RESAMPLES
from mlgym_clients.metrics.of_runs import groups_of, ranked_table, upstream_table
from mlgym_clients.metrics.summary import Summary, summarise
from mlgym_clients.metrics.table import ScoreTable, is_published
from mlgym_clients.records.attempt import Attempt
from mlgym_clients.records.folder import RunFolder
from mlgym_clients.records.run import RunFacts


@dataclass(frozen=True)
class Section:
    """Scores that were measured alike, and all their figures."""

    summary: Summary
    attempts: tuple[Attempt, ...]
    """Those that the scores are of; none where they came from a file."""

    @property
    def title(self) -> str:
        """What was measured."""
        return str(self.summary.table.group)


@dataclass(frozen=True)
class Source:
    """A run, and what of it is on disk."""

    folder: RunFolder
    facts: RunFacts
    attempts: tuple[Attempt, ...]

    @classmethod
    def read(cls, path: Path) -> "Source":
        """A run's folder.

        Raises:
            NoRun: it is none, or can't be read.
        """
        folder = RunFolder(path)
        return cls(folder, folder.read_run(), tuple(folder.attempts()))

    @property
    def standing(self) -> dict[str, int]:
        """How many attempts are finished, failed, running or interrupted, and not begun."""
        states = [attempt.state for attempt in self.attempts]
        found = {
            "finished": states.count("finished"),
            "failed through the infrastructure": states.count("failed"),
            "running or interrupted": states.count("running"),
            "not begun": len(self.facts.keys) - len(states),
        }
        return {state: count for state, count in found.items() if count}

    @property
    def complete(self) -> bool:
        """Whether every attempt is finished."""
        return self.standing.keys() <= {"finished"}


@dataclass(frozen=True)
class Report:
    """Everything that a report shows."""

    title: str
    sections: tuple[Section, ...]
    sources: tuple[Source, ...] = ()
    made_at: float = field(default_factory=time.time)
    """Seconds since 1970."""


def report_of_runs(
    sources: Sequence[Source], *, k: int | None = None, published: bool = False, resamples: int = RESAMPLES
) -> Report:
    """The report of some runs; those of one flavour and protocol share a section.

    Args:
        sources: The runs.
        k: Of best and pass at k; None: as many attempts as the runs ask for, or the most that there are so far. Who
            has fewer, as where the infrastructure failed one, has no best of k.
        published: Whether the models of the original's paper stand beside what can be compared with them.
        resamples: Of the bootstrap; 0: no intervals, which take most of the time.

    Raises:
        MixedScores: agents of one name, or tasks of one id, aren't the same in all runs.
    """
    made = [(source.facts, source.attempts) for source in sources]
    asked = min((source.facts.attempts for source in sources), default=1)
    sections = []
    for group in groups_of(made):
        alike = tuple(
            one
            for _, attempts in made
            for one in attempts
            if (one.flavour, one.protocol) == (group.flavour, group.protocol) and one.state != "running"
        )
        tables = [ranked_table(made, group), upstream_table(made, group, published=published)]
        sections += [
            Section(summarise(table, k or min(asked, max(_made(table))), resamples=resamples), alike)
            for table in tables
            if table is not None
        ]
    names = dict.fromkeys(source.facts.name for source in sources)
    return Report(" · ".join(names), tuple(sections), tuple(sources))


def report_of_scores(table: ScoreTable, title: str, *, k: int | None = None) -> Report:
    """The report of a table of scores that came from elsewhere."""
    return Report(title, (Section(summarise(table, k or common_k(table)), ()),))


def common_k(table: ScoreTable) -> int:
    """How many attempts there are of every method at every task that it tried."""
    return min(_made(table))


def _made(table: ScoreTable) -> list[int]:
    """How many attempts each method made at each task that it tried; published models made none here."""
    own = [tasks for method, tasks in table.results.items() if not is_published(method)]
    return [len(results) for tasks in own for results in tasks.values() if results] or [1]
