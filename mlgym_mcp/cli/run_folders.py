"""Run folders as the viewer shows them: every figure is `mlgym_clients.metrics`' own, as in a report."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock

from mlgym_clients.metrics.conduct import Conduct, conduct, ending
from mlgym_clients.metrics.of_runs import MixedScores
from mlgym_clients.metrics.profiles import Profiles
from mlgym_clients.metrics.summary import Summary
from mlgym_clients.metrics.table import Problem
from mlgym_clients.records.attempt import Attempt, AttemptKey, Measure
from mlgym_clients.records.folder import NoRun, RunFolder
from mlgym_clients.records.run import RunFacts
from mlgym_clients.reports.numbers import count, duration, money
from mlgym_clients.reports.sections import Section, Source, report_of_runs
from mlgym_clients.runs.lock import is_locked
from mlgym_clients.trajectories.trajectory import REDACTED

from mlgym_mcp.viewer.run_record import (
    AttemptLine,
    AttemptRecord,
    Cell,
    ConductLine,
    MethodLine,
    Profile,
    RunLine,
    RunRecord,
    RunSection,
    TaskColumn,
    UnknownRun,
    Verdict,
)
from mlgym_mcp.viewer.text import hidden

Stamp = tuple[int, int]
"""Of a file: when it was written, and its size."""

BEST = "log₁₀ of the ratio to the best (τ)"
LEFT = "share of the way from baseline to target that is left (τ)"


@dataclass(eq=False)
class Kept:
    """A run as it was read last; attempts are read again when their file has changed."""

    folder: RunFolder
    attempts: dict[AttemptKey, tuple[Stamp, Attempt]] = field(default_factory=dict)
    record: tuple[object, RunRecord] | None = None
    """With what it depends on."""
    lock: Lock = field(default_factory=Lock)


class RunFolders:
    """The runs of some folders, and those in a folder of runs, read when asked for."""

    def __init__(self, folders: Sequence[Path], within: Path | None = None) -> None:
        """Where they are.

        Args:
            folders: Of runs.
            within: A folder whose folders are runs; it may come to be later.
        """
        self._folders = tuple(folders)
        self._within = within
        self._kept: dict[Path, Kept] = {}

    def list(self) -> list[RunLine]:
        """All runs, the newest first."""
        lines = [self._line(name, kept) for name, kept in self._found().items()]
        return sorted(lines, key=lambda line: (-line.created_at, line.name))

    def get(self, name: str) -> RunRecord:
        """A run.

        Raises:
            UnknownRun: there is none of this name, or it can't be read.
        """
        kept = self._run(name)
        try:
            return _record(name, kept)
        except (NoRun, MixedScores, OSError) as error:
            raise UnknownRun(str(error)) from None

    def attempt(self, name: str, task: str, agent: str, number: int) -> AttemptRecord:
        """One of a run's attempts.

        Raises:
            UnknownRun: there is none, or it can't be read.
        """
        kept, key = self._run(name), AttemptKey(task, agent, number)
        try:
            facts = kept.folder.read_run()
            if key not in facts.keys or (found := kept.folder.read_attempt(key)) is None:
                raise UnknownRun(f"The run {name} has no attempt {key}, or it has not begun.")
            return _attempt_record(name, kept.folder, facts, found)
        except (NoRun, OSError) as error:
            raise UnknownRun(str(error)) from None

    def _run(self, name: str) -> Kept:
        found = self._found()
        if name not in found:
            raise UnknownRun(f"There is no run {name!r} here; there are: {', '.join(found) or 'none'}.")
        return found[name]

    def _found(self) -> dict[str, Kept]:
        """Name → run; two folders of one name are told apart by a number."""
        found: dict[str, Kept] = {}
        for path in [*self._folders, *self._inside()]:
            place = path.resolve()
            names = [place.name, *(f"{place.name}-{number}" for number in range(2, len(found) + 3))]
            kept = self._kept.setdefault(place, Kept(RunFolder(place)))
            if kept not in found.values():
                found[next(name for name in names if name not in found)] = kept
        return found

    def _inside(self) -> Iterator[Path]:
        if self._within is not None:
            yield from sorted(path.parent for path in self._within.glob("*/run.json"))

    def _line(self, name: str, kept: Kept) -> RunLine:
        if kept.record is not None and (line := kept.record[1].line).finished == line.planned and not line.going_on:
            return line  # a run that is complete stays as it is
        try:
            return _line(name, *_read(kept))
        except (NoRun, OSError) as error:
            return RunLine(name, 0.0, 0.0, 0, (), 0, 0, 0, False, trouble=str(error))


def _read(kept: Kept) -> tuple[Source, float]:
    """The run, and when it changed last, in seconds since 1970."""
    facts = kept.folder.read_run()
    changed, attempts, tasks = facts.created_at, [], {task.id for task in facts.tasks}
    with kept.lock:
        for key in kept.folder.begun():
            if key.task not in tasks:
                continue
            status = kept.folder.attempt_file(key).stat()
            changed = max(changed, status.st_mtime)
            stamp = (status.st_mtime_ns, status.st_size)
            if key not in kept.attempts or kept.attempts[key][0] != stamp:
                if (found := kept.folder.read_attempt(key)) is None:  # somebody has removed it
                    continue
                kept.attempts[key] = stamp, found
            attempts.append(kept.attempts[key][1])
    return Source(kept.folder, facts, tuple(attempts)), changed


def _line(name: str, source: Source, changed: float) -> RunLine:
    states = [one.state for one in source.attempts]
    return RunLine(
        name=name,
        created_at=source.facts.created_at,
        changed_at=changed,
        tasks=len(source.facts.tasks),
        agents=tuple(agent.name for agent in source.facts.agents),
        planned=len(source.facts.keys),
        finished=states.count("finished"),
        failed=states.count("failed"),
        going_on=is_locked(source.folder.path),
    )


def _record(name: str, kept: Kept) -> RunRecord:
    source, changed = _read(kept)
    line = _line(name, source, changed)
    depends = (line, frozenset(stamp for stamp, _ in kept.attempts.values()))
    if kept.record is None or kept.record[0] != depends:
        # Intervals take a hundred times as long as all the rest; a report has them.
        sections = report_of_runs([source], resamples=0).sections
        record = RunRecord(
            line=line,
            standing=source.standing,
            facts=_facts(source.facts),
            sections=tuple(_section(section, source.facts) for section in sections),
            attempts=tuple(_attempt_line(one, source.facts) for one in source.attempts),
        )
        kept.record = depends, record
    return kept.record[1]


def _facts(facts: RunFacts) -> Mapping[str, str]:
    limits = facts.limits
    asked = {
        f"{count(limits.steps)} steps": limits.steps,
        duration(limits.wall_time): limits.wall_time,
        f"{count(limits.tokens)} tokens": limits.tokens,
        money(limits.cost): limits.cost,
    }
    given = ", ".join(text for text, value in asked.items() if value is not None) or "the tasks' own"
    return {
        "data": facts.flavour,
        "protocol": facts.protocol,
        "limits": given,
        "seed": str(facts.seed),
        "version": facts.version,
    }


def _section(section: Section, facts: RunFacts) -> RunSection:
    summary = section.summary
    # An attempt did what it did once, whatever its scores are held against.
    did = {} if summary.table.group.scores == "upstream" else conduct(section.attempts)
    return RunSection(
        title=section.title,
        k=summary.k,
        notes=summary.table.notes,
        methods=tuple(_method(summary, method) for method in summary.order),
        tasks=tuple(_task(summary, problem, facts) for problem in summary.table.problems),
        profiles=tuple(_profiles(summary)),
        conduct=tuple(_conduct(agent, one) for agent, one in did.items()),
    )


def _method(summary: Summary, method: str) -> MethodLine:
    found, submitted = (summary.methods[which][method] for which in ("attempt", "submission"))
    return MethodLine(
        method, found.aup, submitted.aup, found.fixed_aup, found.mean_reward, found.average_rank, found.borda
    )


def _task(summary: Summary, problem: Problem, facts: RunFacts) -> TaskColumn:
    cells = {}
    for method, of_method in summary.cells.items():
        one = of_method[problem.task]
        leads = summary.leads(problem, one.best_attempt, "attempt")
        figures = (one.best_attempt, one.best_submission, one.pass_at_k, one.mean, one.error)
        cells[method] = Cell(one.made, *figures, leads=leads)
    metric = facts.task(problem.task).metric
    return TaskColumn(problem.task, metric, problem.goal, problem.baseline, problem.target, cells)


def _profiles(summary: Summary) -> Iterator[Profile]:
    for which, title in (("attempt", "Best attempts"), ("submission", "Best submissions")):
        yield _profile(title, BEST, "the best method", summary.profiles[which], summary.order)  # type: ignore[index]
    if (fixed := summary.fixed["attempt"]) is not None:
        yield _profile("Best attempts, beside the target", LEFT, "the target", fixed, summary.order)


def _profile(title: str, axis: str, beside: str, found: Profiles, order: Sequence[str]) -> Profile:
    caption = f"For how large a share of the tasks a method is within τ of {beside}."
    lines = {method: tuple(zip(found.taus, found.shares[method], strict=True)) for method in order}
    return Profile(title, caption, axis, found.tau_max, lines, found.areas)


def _conduct(agent: str, did: Conduct) -> ConductLine:
    return ConductLine(
        agent=agent,
        attempts=did.attempts,
        scored=did.scored,
        endings=did.endings,
        actions=did.actions,
        steps=did.each(did.steps),
        seconds=did.each(did.seconds),
        tokens=did.each(did.usage.tokens),
        cost=did.usage.cost,
    )


def _attempt_line(attempt: Attempt, facts: RunFacts) -> AttemptLine:
    metric = facts.task(attempt.task).metric
    return AttemptLine(
        task=attempt.task,
        agent=attempt.agent,
        number=attempt.number,
        state=attempt.state,
        ending="" if attempt.state == "running" else _without_handle(ending(attempt), attempt),
        submitted=_verdict(attempt.submission, metric),
        best=_verdict(attempt.best, metric),
        steps=attempt.steps,
        seconds=attempt.seconds,
        tokens=attempt.usage.tokens,
        cost=attempt.usage.cost,
        branched=attempt.branched,
        detail=attempt.detail and _without_handle(attempt.detail, attempt),
        session=attempt.session,
    )


def _without_handle(text: str, attempt: Attempt) -> str:
    return hidden(text.replace(attempt.session, REDACTED) if attempt.session else text)


def _verdict(measure: Measure | None, metric: str) -> Verdict | None:
    if measure is None or metric not in measure.scores:
        return None
    return Verdict(measure.scores[metric], measure.standard_error.get(metric), measure.reward)


def _attempt_record(name: str, folder: RunFolder, facts: RunFacts, attempt: Attempt) -> AttemptRecord:
    task = facts.task(attempt.task)
    return AttemptRecord(
        run=name,
        line=_attempt_line(attempt, facts),
        metric=task.metric,
        began_at=attempt.began_at,
        steps=min(task.steps, facts.limits.steps or task.steps),
        events=folder.read_events(attempt.key),
    )
