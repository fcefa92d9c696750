"""Any file or folder that holds a trajectory, by what is in it."""

from collections.abc import Sequence
from pathlib import Path

from mlgym_clients.records.attempt import Attempt
from mlgym_clients.records.malformed import MALFORMED, wrong_with
from mlgym_clients.records.message import ToolCall
from mlgym_clients.trajectories.atif import from_atif
from mlgym_clients.trajectories.event import folder_after
from mlgym_clients.trajectories.traj import RESULTS
from mlgym_clients.trajectories.traj_reading import TASKS, from_traj
from mlgym_clients.trajectories.trajectory import (
    SESSION,
    BadTrajectory,
    Trajectory,
    from_session,
    read_attempt,
    read_json,
)
from mlgym_clients.trajectories.turns import turns

KNOWN = "a .traj, an ATIF document, what `mlgym-mcp sessions export` writes, or the folder of an attempt"


def read(place: Path, *, task: str | None = None, agent: str | None = None, number: int = 1) -> Trajectory:
    """A trajectory, whatever its format.

    Args:
        place: A file, or the folder of an attempt.
        task: The task's id, where the file does not tell; over what it tells.
        agent: The same for who it was.
        number: Of the attempt, from 1.

    Raises:
        BadTrajectory: it is no trajectory, or its task can't be told.
        NoRun: it is a folder, but not an attempt's.
    """
    if place.is_dir():
        return read_attempt(place)
    document = read_json(place)
    if not isinstance(document, dict):
        raise BadTrajectory(f"{place} is no trajectory; it should be {KNOWN}.")
    try:
        if document.get("format") == SESSION:
            found = from_session(document)
        elif "trajectory" in document:
            told = (document.get("info") or {}).get("task")
            results = place.parent / RESULTS
            found = from_traj(
                document,
                task=task or told or task_of(place),
                agent=agent or agent_of(place),
                number=number,
                results=read_json(results) if results.is_file() else None,
            )
        elif "schema_version" in document:
            found = from_atif(document, task=task or place.stem, agent=agent, number=number)
        else:
            raise BadTrajectory(f"it should be {KNOWN}.")
        _require_whole(found)
    except BadTrajectory as error:
        raise BadTrajectory(f"{place}: {error}") from None
    except MALFORMED as error:
        raise BadTrajectory(f"{place} is incomplete: {wrong_with(error)}.") from None
    return found


def _require_whole(found: Trajectory) -> None:
    """See that what was read can be told again, in whatever format: some parts are kept as they were written."""
    Attempt.model_validate(found.attempt.model_dump(warnings=False))
    for turn in turns(found):
        for done in turn.actions:
            ToolCall(id=done.id, name=done.tool, arguments=done.arguments)
            folder_after(done.event or {"reply": None})
            done.text.encode()


def task_of(place: Path) -> str:
    """Our id of a `.traj`'s task, by its own name or its folder's.

    Raises:
        BadTrajectory: neither tells.
    """
    names = [place.stem, *place.parent.name.split("__")]
    for name in names:
        if name in TASKS or name in TASKS.values():
            return TASKS.get(name, name)
    raise BadTrajectory(f"no part of its name is a task; say which with --task. Known: {', '.join(TASKS)}.")


def agent_of(place: Path) -> str:
    """Who a `.traj` is of: the model in its folder's name."""
    parts: Sequence[str] = place.absolute().parent.name.split("__")
    return parts[0] if len(parts) > 1 else "imported"
