"""The proctor: opens sessions, sees to it that each ends with a verdict, and collects what was done in it."""

import hashlib
import json
from dataclasses import dataclass, field
from typing import Any, Self, cast

import anyio
from mcp import Client
from mcp.types import RequestParamsMeta, TextResourceContents

from mlgym_clients.records.folder import Event
from mlgym_clients.records.run import Limits, RunFacts
from mlgym_clients.records.task import TaskFacts
from mlgym_clients.runs.fault import Fault, Lasting, faults
from mlgym_clients.runs.plan import BadPlan
from mlgym_clients.workbench import Refused, facts_of, text_of

KEY = "mlgym-mcp/key"
"""The `_meta` entry with which a client marks repetitions of one call."""
AGENT = "mlgym-mcp/agent"
"""The `_meta` entry that says whose notes a session reads and writes, where the server keeps any."""
LIVE = ("waiting", "open")
SCORED = ("submitted", "cut_off")
"""States of sessions that are over and have a verdict, or had nothing to score."""
REPEATS = 3
"""How often a scoring is asked for that the server failed at."""
PASSING = (
    "call `start` again later",
    "its sandbox could not be started",
    "its sandbox ended",
    "through no fault of yours",
)
"""In what the server says of sessions that it does not open now, but may when it is asked again."""

Answer = dict[str, Any]


@dataclass(frozen=True)
class Proctor:
    """The harness's hands at the server. What agents can't reach is here."""

    client: Client
    tools: dict[str, frozenset[str]] = field(default_factory=dict)
    """Each tool's name, and those of its arguments."""

    @classmethod
    async def at(cls, client: Client) -> Self:
        """The proctor of a server."""
        listed = await client.list_tools()
        return cls(client, {tool.name: frozenset(tool.input_schema.get("properties", ())) for tool in listed.tools})

    def require_limits(self, limits: Limits, tasks: tuple[TaskFacts, ...]) -> None:
        """Refuse a limit of steps that this server can't keep.

        Raises:
            BadPlan: its sessions have all the steps that their tasks give.
        """
        larger = [task for task in tasks if limits.steps is not None and task.steps > limits.steps]
        if larger and "steps" not in self.tools["start"]:
            task = larger[0]
            raise BadPlan(f"this server gives {task.id} its {task.steps} steps, not fewer; leave --steps out.")

    async def start(self, facts: RunFacts, task: TaskFacts, *, agent: str, key: str) -> tuple[str, str]:
        """Start a session on a task, without waiting for its sandbox: its handle, and the task's brief.

        Under one key there is one session. Not cancelled midway: nobody would know the session then.

        Raises:
            Refused: the server has no room for it now.
            Lasting: it never will, as things are.
        """
        limits = facts.limits
        wanted = {"steps": self.steps_of(task, limits), "wall_time": _least(limits.wall_time, task.wall_time)}
        offered = {name: value for name, value in wanted.items() if value and name in self.tools["start"]}
        fixed = {"task": task.id, "flavour": facts.flavour, "protocol": facts.protocol}
        meta = {KEY: key, AGENT: _in_run(facts, agent)}
        with anyio.CancelScope(shield=True):
            try:
                answer = await self._told("start", meta=meta, wait_s=0, **fixed, **offered)
            except Refused as refusal:
                if _passes(str(refusal)):
                    raise
                raise Lasting(str(refusal)) from None
        return answer["session"], answer["brief"] or ""

    async def opened(self, session: str) -> Answer:
        """How a session stands once its sandbox is open.

        Raises:
            Fault: it could not be opened.
            Lasting: nor will another, as things are.
        """
        answer = await self.standing(session)
        while answer["state"] == "waiting":
            answer = await self.standing(session)
        if answer["state"] != "open":
            lasting = answer["state"] == "lost" and not _passes(answer["reason"] or "")
            told = f"the session could not be opened, it is {answer['state']}: {answer['reason']}"
            raise Lasting(told) if lasting else Fault(told)
        return answer

    def steps_of(self, task: TaskFacts, limits: Limits) -> int:
        """How many steps a session has to begin with."""
        if limits.steps is None or "steps" not in self.tools["start"]:
            return task.steps
        return min(limits.steps, task.steps)

    async def standing(self, session: str) -> Answer:
        """How a session stands.

        Raises:
            Refused: there is no such session any more.
        """
        return await self._told("status", session=session)

    async def run_token(self, session: str) -> str | None:
        """What opens this session and nothing else, for an agent's program to show; None where there is no such thing.

        Raises:
            Refused: the session is over.
        """
        if "run_token" not in self.tools:
            return None
        return str((await self._told("run_token", session=session))["token"])

    async def close(self, session: str, why: str) -> None:
        """Submit what an agent left, in MLGym's words for why it did not do so itself; a no-op when it is over.

        Raises:
            Fault: the server failed at it.
        """
        if "cut_off" in self.tools:
            await self._scored("cut_off", session=session, why=why)
            return
        try:
            state = (await self._scored("submit", session=session))["state"]
        except Refused:  # nothing is there that could be submitted
            state = "open"
        if state in LIVE:  # or its form was at fault, which does not end a session
            await self.end(session)

    async def end(self, session: str) -> None:
        """Give a session up; what it has submitted already is scored first.

        Raises:
            Fault: the server failed at it.
        """
        try:
            await self._told("end", session=session)
        except Refused:
            await self._scored("submit", session=session)

    async def verdict(self, session: str) -> Answer:
        """What a session that is over came to, once it is scored.

        Raises:
            Fault: the server failed at scoring it.
        """
        return await self._scored("submit", session=session)

    async def best(self, session: str) -> Answer | None:
        """The artefact that validated best, as `submit` scores it; None where none did, or the server can't tell.

        Raises:
            Fault: the server failed at scoring it.
        """
        if "score_best" not in self.tools:
            return None
        try:
            return await self._scored("score_best", session=session)
        except Refused:
            return None

    async def events(self, session: str) -> tuple[list[Event], int]:
        """All that was done in a session, and how many events the server has left out."""
        with faults():
            uri = f"mlgym://sessions/{session}/trajectory"
            result = await self.client.read_resource(uri, cache_mode="bypass")
        text = "".join(part.text for part in result.contents if isinstance(part, TextResourceContents))
        found = [json.loads(line) for line in text.split("\n") if line]
        left_out = found.pop()["left_out"] if found and "left_out" in found[-1] else 0
        return found, left_out

    async def baseline(self, task: str) -> dict[str, str]:
        """The files of a task's baseline solution.

        Raises:
            Refused: the server does not show them.
        """
        with faults():
            listed = await self.client.read_resource(f"mlgym://tasks/{task}")
            text = "".join(part.text for part in listed.contents if isinstance(part, TextResourceContents))
            place = f"mlgym://tasks/{task}/baseline/"
            uris = [line.removeprefix("- ") for line in text.splitlines() if line.startswith(f"- {place}")]
            return {uri.removeprefix(place): await self._text(uri) for uri in uris}

    async def _text(self, uri: str) -> str:
        result = await self.client.read_resource(uri)
        return "".join(part.text for part in result.contents if isinstance(part, TextResourceContents))

    async def _scored(self, tool: str, **arguments: Any) -> Answer:
        failures = 0
        while True:
            answer = await self._told(tool, **arguments)
            failures += answer["outcome"] == "infrastructure_fault"
            if answer["outcome"] == "infrastructure_fault" and (answer["held"] or failures == REPEATS):
                raise Fault("the server failed at scoring it, again and again")
            if answer["outcome"] not in ("pending", "infrastructure_fault"):
                return answer

    async def _told(self, tool: str, *, meta: dict[str, str] | None = None, **arguments: Any) -> Answer:
        with faults():
            result = await self.client.call_tool(tool, arguments, meta=cast(RequestParamsMeta, meta))
        if result.is_error:
            raise Refused(text_of(result))
        return facts_of(result)


def _in_run(facts: RunFacts, agent: str) -> str:
    """An agent's name that no agent of another run has, and nobody guesses; it begins so that people know it."""
    mark = hashlib.sha256(f"{facts.name}/{facts.created_at}/{agent}".encode()).hexdigest()
    return f"{agent.encode('ascii', 'ignore').decode()[:64]}-{mark}"


def _passes(words: str) -> bool:
    return any(passing in words for passing in PASSING)


def _least(limit: float | None, task: float | None) -> float | None:
    """A limit that a session can be given: none beyond its task's."""
    return None if limit is None or task is None else min(limit, task)
