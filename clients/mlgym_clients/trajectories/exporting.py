"""A run's trajectories written in a format of others."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from mlgym_clients.records.folder import write
from mlgym_clients.trajectories import atif, chat, traj
from mlgym_clients.trajectories.trajectory import Trajectory

Format = Literal["traj", "chat", "atif"]
LOSSES: Mapping[Format, Sequence[str]] = {"traj": traj.LOSSES, "chat": chat.LOSSES, "atif": atif.LOSSES}
"""What each format has no place for."""


def export(
    trajectories: Iterable[Trajectory],
    to: Path,
    kind: Format,
    *,
    version: str,
    tools: Sequence[Mapping[str, Any]] = (),
) -> int:
    """Write trajectories one after the other; how many.

    Args:
        trajectories: What to write.
        to: A folder, and for `chat` a file.
        kind: In which format.
        version: Of mlgym-mcp, for formats that ask who wrote them.
        tools: Schemas, for `chat`.
    """
    if kind == "chat":
        return _lines(to, (chat.to_chat(one, tools) for one in trajectories))
    written: Callable[[Trajectory], None] = {"traj": _traj(to), "atif": _atif(to, version)}[kind]
    number = 0
    for number, one in enumerate(trajectories, 1):  # noqa: B007 - how many there were
        written(one)
    return number


def _traj(to: Path) -> Callable[[Trajectory], None]:
    def written(one: Trajectory) -> None:
        folder = to / traj.folder_name(one)
        write(folder / f"{one.attempt.task}.traj", json.dumps(traj.to_traj(one), ensure_ascii=False))
        write(folder / traj.RESULTS, json.dumps(traj.to_results(one), ensure_ascii=False))

    return written


def _atif(to: Path, version: str) -> Callable[[Trajectory], None]:
    def written(one: Trajectory) -> None:
        document = atif.to_atif(one, version=version)
        write(to / f"{one.name}.json", json.dumps(document, ensure_ascii=False))

    return written


def _lines(to: Path, lines: Iterator[chat.Line]) -> int:
    """Write lines as they come, beside the file first."""
    to.parent.mkdir(parents=True, exist_ok=True)
    beside, number = to.with_name(f".{to.name}.part"), 0
    with beside.open("w", encoding="utf-8") as file:
        for number, line in enumerate(lines, 1):  # noqa: B007 - how many there were
            file.write(json.dumps(line, ensure_ascii=False) + "\n")
    beside.replace(to)
    return number
