"""The board: how far a run is, as a table that is kept up to date, or as lines where nobody watches."""

import time
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from mlgym_clients.agents.meter import Meter
from mlgym_clients.records.attempt import Attempt, AttemptKey, Measure, Usage
from mlgym_clients.records.run import RunFacts
from mlgym_clients.records.task import TaskFacts
from mlgym_clients.runs.measures import best_of
from mlgym_clients.visible import visible

PIPED_WIDTH = 200
"""Characters of a line that no terminal limits."""
COLUMNS = ("task", "agent", "done", "runs", "failed", "best", "submitted", "steps", "tokens", "cost")

LABELS = 2
"""Of the columns, those that say what a row is about."""


@dataclass
class Running:
    """An attempt that runs."""

    meter: Meter | None = None
    steps: int = 0


@dataclass
class Board:
    """Knows every attempt of a run, and shows them on a console while the block runs."""

    facts: RunFacts
    console: Console
    plain: bool = False
    """Whether the terminal is somebody else's, and gets lines alone."""
    ended: dict[AttemptKey, Attempt] = field(default_factory=dict)
    running: dict[AttemptKey, Running] = field(default_factory=dict)
    _made: int = 0
    """How many have ended here; others had before."""
    _since: float = field(default_factory=time.monotonic)
    _live: Live | None = None

    def __enter__(self) -> Self:
        if self.shows_steps:
            self._live = Live(console=self.console, get_renderable=self._picture, refresh_per_second=2)
            self._live.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._live is not None:
            self._live.stop()

    @property
    def shows_steps(self) -> bool:
        """Whether it matters how far running attempts are."""
        return self.console.is_terminal and not self.plain

    def begins(self, key: AttemptKey) -> None:
        """An attempt begins."""
        self.running[key] = Running()

    def seated(self, key: AttemptKey, meter: Meter) -> None:
        """An attempt's agent begins."""
        self.running[key].meter = meter

    def steps(self, key: AttemptKey, used: int) -> None:
        """An attempt that runs has used so many steps."""
        if key in self.running:
            self.running[key].steps = used

    def ends(self, attempt: Attempt) -> None:
        """An attempt has ended, now or in an earlier process."""
        self.ended[attempt.key] = attempt
        if self.running.pop(attempt.key, None) is None:
            return
        self._made += 1
        if self._live is None:
            self.says(f"{len(self.ended)}/{len(self.facts.keys)} {attempt.key}: {self._told(attempt)}")

    def leaves(self, key: AttemptKey) -> None:
        """An attempt runs no more, ended or not."""
        self.running.pop(key, None)

    def says(self, line: str) -> None:
        """Print a line."""
        self.console.print(visible(line), highlight=False, markup=False, soft_wrap=True)

    def table(self) -> Table:
        """One row for each agent at each task; columns in which there is nothing are left out."""
        rows = [self._row(task, agent.name) for task in self.facts.tasks for agent in self.facts.agents]
        shown = [place for place in range(len(COLUMNS)) if any(row[place] for row in rows)]
        table = Table(box=None, padding=(0, 1, 0, 0))
        for place in shown:
            table.add_column(COLUMNS[place], no_wrap=True, justify="left" if place < LABELS else "right")
        for row in rows:
            table.add_row(*(Text(row[place]) for place in shown))
        return table

    def _row(self, task: TaskFacts, agent: str) -> tuple[str, ...]:
        ended = [one for one in self.ended.values() if (one.task, one.agent) == (task.id, agent)]
        running = [one for key, one in self.running.items() if (key.task, key.agent) == (task.id, agent)]
        usage = sum([one.usage for one in ended] + [one.meter.usage for one in running if one.meter], Usage())
        finished = [one for one in ended if one.state == "finished"]
        steps = [one.steps for one in running] or [one.steps for one in finished]
        return (
            task.id,
            agent,
            f"{len(finished)}/{self.facts.attempts}",
            str(len(running) or ""),
            str(len(ended) - len(finished) or ""),
            _figure(task, [one.best for one in finished]),
            _figure(task, [one.submission for one in finished]),
            "/".join(map(str, steps)),
            f"{usage.tokens:,}" if usage.tokens else "",
            "" if usage.cost is None else f"${usage.cost:.2f}",
        )

    def _picture(self) -> Group:
        elapsed = time.monotonic() - self._since
        line = f"{len(self.ended)} of {len(self.facts.keys)} attempts, {_duration(elapsed)}"
        left = len(self.facts.keys) - len(self.ended)
        if self._made and left:
            line += f", about {_duration(elapsed / self._made * left)} left"
        return Group(self.table(), Text(line))

    def _told(self, attempt: Attempt) -> str:
        submission = attempt.submission
        score = _figure(self.facts.task(attempt.task), [submission])
        parts = [attempt.state if attempt.state == "failed" else attempt.exit_status, score and f"score {score}"]
        parts += [f"{attempt.steps} steps", _duration(attempt.seconds), attempt.detail or ""]
        return ", ".join(part for part in parts if part)


def _figure(task: TaskFacts, found: list[Measure | None]) -> str:
    best = best_of([one for one in found if one is not None], task)
    return "" if best is None else f"{best.scores[task.metric]:.4f}"


def _duration(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{rest:02}"
