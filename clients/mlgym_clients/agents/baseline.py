"""The agent `baseline`: hands in the task's own baseline solution."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mlgym_clients.agents.agent import Agent, BadOptions, Ending, Seat
from mlgym_clients.agents.bench import bench_at

PROGRAM = "baseline.py"
"""What writes the submission, where the solution is not the submission itself."""


@dataclass(frozen=True)
class Baseline:
    """Has no choice to make."""

    async def attempt(self, seat: Seat) -> Ending:
        """Lay the solution over the workspace, run its program if it has one, validate and submit."""
        bench, files = bench_at(seat), await seat.baseline()
        if not files:
            return Ending("exit_error", "the server shows no baseline solution; it does with --tools evaluation")
        for path, text in files.items():
            await bench.create(f"/workspace/{path}", text)
        if PROGRAM in files:
            await bench.bash(f"python3 {PROGRAM}")
        await bench.validate()
        await bench.submit()
        return Ending()


def make(options: Mapping[str, Any]) -> Agent:
    """The agent.

    Raises:
        BadOptions: it has none.
    """
    if options:
        raise BadOptions(f"the agent `baseline` has no options; got {', '.join(options)}.")
    return Baseline()
