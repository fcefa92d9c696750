"""An episode: one session, from its brief to the reward of what was submitted."""

import logging
import re
from dataclasses import dataclass
from typing import Any

import anyio
from mcp import Client
from mcp.types import CallToolResult

from mlgym_clients.gym.setup import Setup
from mlgym_clients.gym.spaces import BadAction, Call, called, seen
from mlgym_clients.workbench import Refused, call, facts_of, text_of

log = logging.getLogger(__name__)

FOOTER = re.compile(
    r"^\[(?:running as (?P<job>j\d+)|[^·\]\n]+) · [^·\]\n]+ · (?P<steps>\d+) steps?, [^\]\n]*left\]\Z", re.MULTILINE
)
"""The last line of a reply, and no other: what is above may be the agent's, and like it."""
FAULT = -1.0
"""The reward of an episode that ends with nothing to score."""
END_PATIENCE = 10.0
"""Seconds that the end of a session is waited for; its lease ends it otherwise."""


@dataclass(frozen=True)
class Turn:
    """What an action led to, in Gymnasium's words."""

    seen: str
    reward: float
    terminated: bool
    """Submitted."""
    truncated: bool
    """Cut off: the budget is spent, or the session was lost or ended from outside."""
    info: dict[str, Any]

    @property
    def last(self) -> bool:
        """Whether the episode is over."""
        return self.terminated or self.truncated


class Episode:
    """A session that is open, and what it has earned so far."""

    def __init__(self, setup: Setup, facts: dict[str, Any]) -> None:
        self._setup = setup
        self._session: str = facts["session"]
        self._state: str = facts["state"]
        self._steps: int = facts["left"]["steps"]
        self._earned = 0.0
        """The reward that was told so far. The baseline's is 0, so an episode begins there."""
        self.brief = Turn(seen(facts["brief"]), 0.0, False, False, self._info({}))

    @classmethod
    async def begin(cls, setup: Setup, client: Client) -> "Episode":
        """Start a session and wait until its sandbox is open.

        Raises:
            Refused: it could not be opened; the words are the server's.
        """
        with anyio.CancelScope(shield=True):  # what was opened has to be known, to be ended
            facts = facts_of(await call(client, "start", **setup.asked, wait_s=0))
        brief = facts["brief"]
        try:
            while facts["state"] == "waiting":
                facts = facts_of(await call(client, "status", session=facts["session"]))
                if facts["state"] == "waiting":
                    log.warning("%s waits: %s", setup.task, facts["reason"])
            if facts["state"] != "open":
                raise Refused(f"the session is {facts['state']}: {facts['reason']}")
        except BaseException:
            await _end(client, facts["session"])
            raise
        return cls(setup, facts | {"brief": brief})

    async def act(self, action: Any, client: Client) -> Turn:
        """Do what an action means. One that can't be done is told and changes nothing."""
        try:
            asked = called(action)
        except BadAction as error:
            return self._goes_on(str(error))
        if asked.tool in ("validate", "submit"):
            return await self._score(client, asked)
        return await self._work(client, asked)

    async def end(self, client: Client) -> None:
        """Give the session up if it is still open."""
        if self._state == "open":
            self._state = "ended"
            await _end(client, self._session)

    async def _work(self, client: Client, asked: Call) -> Turn:
        text, steps = await self._told(client, asked)
        if not steps:
            return await self._look(client, text)
        self._steps = steps
        return self._goes_on(text)

    async def _told(self, client: Client, asked: Call) -> tuple[str, int | None]:
        """The reply and the steps left; as text, a command that outlasts its call is followed to its end."""
        result = await self._call(client, asked)
        pages = [text_of(result)]
        footer = None if result.is_error else FOOTER.search(pages[-1])
        while footer and footer["job"] and self._setup.actions == "text":
            result = await self._call(client, Call("job", {"job": footer["job"]}))
            pages.append(text_of(result))
            footer = None if result.is_error else FOOTER.search(pages[-1])
        return "\n".join(pages), int(footer["steps"]) if footer else None

    async def _look(self, client: Client, text: str) -> Turn:
        """How the session stands after a reply that doesn't tell: a refusal, or one that took the last step."""
        facts = facts_of(await call(client, "status", session=self._session))
        self._state, self._steps = facts["state"], facts["left"]["steps"]
        if self._state == "open":
            return self._goes_on(text)
        if self._state in ("cut_off", "submitted"):
            return await self._last(client, text)
        return Turn(seen(text), 0.0, False, True, self._info({"exit_status": facts["exit_status"]}))

    async def _score(self, client: Client, asked: Call) -> Turn:
        result = await self._graded(client, asked)
        if result.is_error:
            return await self._look(client, text_of(result))
        facts = facts_of(result)
        self._state, self._steps = facts["state"], facts["left"]["steps"]
        if asked.tool == "submit" and self._state != "open":
            return self._ends(text_of(result), facts)
        reward = 0.0 if facts["reward"] is None else self._change(facts["reward"])
        if self._state == "cut_off":
            last = await self._last(client, text_of(result))
            return Turn(last.seen, reward + last.reward, last.terminated, last.truncated, last.info)
        return self._goes_on(text_of(result), reward, facts)

    async def _graded(self, client: Client, asked: Call) -> CallToolResult:
        """The answer when there is one; a fault of the server's is given a second try."""
        tries = 2
        while True:
            result = await self._call(client, asked)
            outcome = facts_of(result).get("outcome")
            tries -= outcome == "infrastructure_fault"
            if outcome not in ("pending", "infrastructure_fault") or not tries:
                return result

    async def _last(self, client: Client, text: str) -> Turn:
        """The end of a session that is over already; `submit` tells what it was worth."""
        result = await self._graded(client, Call("submit"))
        return self._ends(f"{text}\n{text_of(result)}", facts_of(result))

    def _goes_on(self, text: str, reward: float = 0.0, facts: dict[str, Any] | None = None) -> Turn:
        return Turn(seen(text), reward, False, False, self._info(facts or {}))

    def _ends(self, text: str, facts: dict[str, Any]) -> Turn:
        submitted = self._state == "submitted"
        if facts.get("outcome") == "infrastructure_fault":
            return Turn(seen(text), 0.0, False, True, self._info(facts))
        worth = FAULT if facts["reward"] is None else facts["reward"]
        reward = worth if self._setup.reward == "final" else self._change(worth)
        return Turn(seen(text), reward, submitted, not submitted, self._info(facts))

    def _change(self, worth: float) -> float:
        if self._setup.reward == "final":
            return 0.0
        change, self._earned = worth - self._earned, worth
        return change

    def _info(self, facts: dict[str, Any]) -> dict[str, Any]:
        """What there is beside the text. What is not known has no key, as vector environments want it."""
        told = {name: facts.get(name) for name in ("outcome", "scores", "standard_error", "reward", "exit_status")}
        always = {"session": self._session, "state": self._state, "steps_left": self._steps}
        always["trajectory"] = f"mlgym://sessions/{self._session}/trajectory"
        return always | {name: value for name, value in told.items() if value is not None}

    async def _call(self, client: Client, asked: Call) -> CallToolResult:
        return await client.call_tool(asked.tool, {**asked.arguments, "session": self._session})


async def _end(client: Client, session: str) -> None:
    with anyio.move_on_after(END_PATIENCE, shield=True):
        await client.call_tool("end", {"session": session})
