"""A trajectory made again in another session, call by call."""

import json
from dataclasses import dataclass, field
from typing import Any

from mcp import Client
from mcp.types import TextResourceContents

from mlgym_clients.records.folder import Event
from mlgym_clients.records.record import Record
from mlgym_clients.trajectories.comparison import DIVERGED, Compared, Verdict, compare
from mlgym_clients.trajectories.editor import Unmappable, mapped
from mlgym_clients.trajectories.event import ORIGINAL, action, arguments, observation
from mlgym_clients.trajectories.step import Step, steps
from mlgym_clients.trajectories.trajectory import Trajectory
from mlgym_clients.workbench import RUNNING, Refused, call, facts_of, text_of

TOOLS = ("bash", "edit", "job", "validate", "submit")
LONGEST = 120
"""Characters of an action in a report."""


class Replayed(Record):
    """What a replay came to."""

    steps: tuple[Compared, ...]

    @property
    def first(self) -> Compared | None:
        """The first step that diverged."""
        return next((step for step in self.steps if step.verdict in DIVERGED), None)


@dataclass
class Replay:
    """Makes a trajectory's calls at a session's own endpoint."""

    trajectory: Trajectory
    client: Client
    session: str
    jobs: dict[str, str] = field(default_factory=dict)
    """What recorded jobs are called this time, of those that ran on."""
    left_out: dict[int, Unmappable] = field(default_factory=dict)
    """Why steps were not made, by their places."""
    refused: dict[int, str] = field(default_factory=dict)
    """What the server said where it refused one."""

    async def make(self) -> Replayed:
        """Make all calls, and hold what came of each against what was recorded."""
        recorded = steps(self.trajectory.events)
        for place, step in enumerate(recorded):
            try:
                tool, given = self._call(step)
                await self._make(step, tool, given)
            except Unmappable as reason:
                self.left_out[place] = reason
            except Refused as refusal:
                self.refused[place] = str(refusal)
            for job in step.followed:
                await self._follow(job)
        made = iter(steps(await self._events()))
        following = next(made, None)
        compared = []
        for place, step in enumerate(recorded):
            again = following if self._left_a_record(place, following) else None
            following = following if again is None else next(made, None)
            verdict, detail = self._verdict(place, step, again)
            compared.append(Compared(number=place + 1, action=_short(step), verdict=verdict, detail=detail))
        return Replayed(steps=tuple(compared))

    def _call(self, step: Step) -> tuple[str, dict[str, Any]]:
        if ORIGINAL in step.request:
            return mapped(step.request, observation(step.event))
        if step.kind not in TOOLS:
            raise Unmappable(f"`{step.kind}` is no tool of an agent in its seat")
        given = arguments(step.event)
        if step.kind == "job":
            if given["job"] not in self.jobs:
                raise Unmappable(f"its job had ended by then, or was none: {given['job']}")
            given["job"] = self.jobs[given["job"]]
        return step.kind, given

    async def _make(self, step: Step, tool: str, given: dict[str, Any]) -> None:
        result = await call(self.client, tool, **given)
        if tool == "bash" and (running := RUNNING.search(text_of(result))):
            job = step.result.get("job") or running[1]
            self.jobs[job] = running[1]
            if not step.ran_on:
                await self._follow(job)
        while facts_of(result).get("outcome") == "pending":
            result = await call(self.client, tool)

    async def _follow(self, job: str) -> None:
        """Wait for a job's end; one that is not known had ended before anybody could wait."""
        while job in self.jobs:
            if not RUNNING.search(text_of(await call(self.client, "job", job=self.jobs[job]))):
                return

    async def _events(self) -> list[Event]:
        uri = f"mlgym://sessions/{self.session}/trajectory"
        result = await self.client.read_resource(uri, cache_mode="bypass")
        text = "".join(part.text for part in result.contents if isinstance(part, TextResourceContents))
        found = [json.loads(line) for line in text.split("\n") if line]
        return [event for event in found if "kind" in event]

    def _left_a_record(self, place: int, following: Step | None) -> bool:
        """Whether the step that follows among those of this session is what a call of a place came to."""
        if following is None or place in self.left_out:
            return False
        # What a refusal says is followed by what is left of the budget.
        said = self.refused.get(place)
        return said is None or (following.error is not None and said.startswith(following.error))

    def _verdict(self, place: int, step: Step, again: Step | None) -> tuple[Verdict, str]:
        if reason := self.left_out.get(place):
            return ("not compared" if reason.harmless else "not replayed"), str(reason)
        if again is None:
            return "refused otherwise", self.refused.get(place, "the server kept no record of it")
        if ORIGINAL in step.request:
            return "not compared", "made by other means"
        return compare(step, again)


def _short(step: Step) -> str:
    return " ".join(action(step.event).split())[:LONGEST]
