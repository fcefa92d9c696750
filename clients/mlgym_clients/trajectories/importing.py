"""Trajectories of elsewhere become a run that reports can read."""

import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from mlgym_clients.records.folder import RunFolder
from mlgym_clients.records.run import AgentSpec, Limits, RunFacts
from mlgym_clients.records.task import TaskFacts
from mlgym_clients.runs.measures import best_of
from mlgym_clients.trajectories.reading import read
from mlgym_clients.trajectories.trajectory import BadTrajectory, Trajectory

UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")
KIND = "imported"


@dataclass(frozen=True)
class Origin:
    """What is said of trajectories that their files don't tell, or that is to stand in place of it."""

    task: str | None = None
    agent: str | None = None


def import_all(places: Sequence[Path], tasks: Sequence[TaskFacts], to: Path, origin: Origin) -> RunFacts:
    """Write trajectories into a new run's folder, those of one agent and task numbered in order.

    Raises:
        BadTrajectory: one can't be read, its task is not in the catalogue, they are of several protocols, or the
            folder has a run already. Nothing is written then.
    """
    folder, known = RunFolder(to), {one.id: one for one in tasks}
    if folder.exists:
        raise BadTrajectory(f"{to} has a run already; name another folder with --to.")
    numbers: dict[tuple[str, str], int] = {}
    found: list[Trajectory] = []
    for place in places:
        one = _as_attempt(read(place, task=origin.task, agent=origin.agent), known, place, origin)
        key = (one.attempt.task, one.attempt.agent)
        numbers[key] = numbers.get(key, 0) + 1
        found.append(replace(one, attempt=one.attempt.model_copy(update={"number": numbers[key]})))
    facts = _facts(found, known, to.name)
    for one in found:
        folder.write_attempt(one.attempt)
        folder.write_events(one.attempt.key, one.events)
        for message in one.messages:
            folder.add_message(one.attempt.key, message)
    folder.write_run(facts)
    return facts


def _as_attempt(one: Trajectory, known: Mapping[str, TaskFacts], place: Path, origin: Origin) -> Trajectory:
    name = origin.task or one.attempt.task
    if name not in known:
        raise BadTrajectory(f"{place}: there is no task {name!r}; say which it is with --task.")
    called = UNSAFE.sub("-", origin.agent or one.attempt.agent).strip("-.") or "imported"
    best = one.attempt.best or best_of(one.attempt.measures, known[name])
    changes = {"task": name, "agent": called, "best": best, "state": "finished"}
    return replace(one, attempt=one.attempt.model_copy(update=changes))


def _facts(found: Sequence[Trajectory], known: dict[str, TaskFacts], name: str) -> RunFacts:
    kinds = {(one.attempt.protocol, one.attempt.flavour) for one in found}
    if len(kinds) > 1:
        listed = " and ".join(sorted(f"{protocol}/{flavour}" for protocol, flavour in kinds))
        raise BadTrajectory(f"they are of several kinds, {listed}, which don't belong in one run; import each alone.")
    [(protocol, flavour)] = kinds
    agents = dict.fromkeys(one.attempt.agent for one in found)
    return RunFacts(
        name=name,
        created_at=time.time(),
        tasks=tuple(known[task] for task in dict.fromkeys(one.attempt.task for one in found)),
        agents=tuple(AgentSpec(name=agent, kind=KIND) for agent in agents),
        attempts=max(one.attempt.number for one in found),
        protocol=protocol,
        flavour=flavour or "auto",
        limits=Limits(steps=None),
    )
