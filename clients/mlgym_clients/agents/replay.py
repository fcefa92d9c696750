"""The agent `replay`: makes a recorded trajectory's calls again, and reports where it came out otherwise."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from mlgym_clients.agents.agent import Agent, BadOptions, Ending, Seat
from mlgym_clients.records.folder import NoRun, write
from mlgym_clients.trajectories.reading import read
from mlgym_clients.trajectories.replay import Replay
from mlgym_clients.trajectories.trajectory import BadTrajectory, Trajectory

REPORT = "replay.json"
"""In the attempt's folder: how each step came out."""


class Options(BaseModel):
    """Which trajectory."""

    model_config = ConfigDict(extra="forbid")

    file: Path
    """A file, or an attempt's folder."""
    task: str | None = None
    """Its task, where the file does not tell."""


@dataclass(frozen=True)
class Replayer:
    """Has no choice to make: does what was done."""

    trajectory: Trajectory

    async def attempt(self, seat: Seat) -> Ending:
        """Make all calls, and leave the report in the attempt's folder."""
        recorded = self.trajectory.attempt
        if recorded.task != seat.task.id:
            return Ending("exit_error", f"the trajectory is one of {recorded.task}, not of {seat.task.id}")
        replayed = await Replay(self.trajectory, seat.client, seat.session).make()
        write(seat.folder / REPORT, replayed.model_dump_json(indent=2) + "\n")
        first = replayed.first
        detail = None if first is None else f"diverged at step {first.number}: {first.verdict}"
        return Ending("exit_forfeit" if recorded.exit_status == "exit_forfeit" else "done", detail)


def make(options: Mapping[str, Any]) -> Agent:
    """The agent.

    Raises:
        BadOptions: no trajectory is named, or it can't be read.
    """
    try:
        given = Options(**options)
        return Replayer(read(given.file, task=given.task))
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise BadOptions(f"the agent `replay` takes `file` and `task`; {place!r}: {first['msg'].lower()}.") from None
    except (BadTrajectory, NoRun) as error:
        raise BadOptions(str(error)) from None
