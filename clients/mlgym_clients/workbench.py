"""A session's tools as methods: what an agent calls, for programs."""

import re
from dataclasses import dataclass
from typing import Any, Protocol

from mcp import Client
from mcp.types import CallToolResult, TextContent

RUNNING = re.compile(r"still running as job (j\d+)")
GRADE = ("outcome", "scores", "standard_error", "upstream_scores", "baseline", "reward", "flavour")
"""What a grade takes from a structured answer."""


class Refused(Exception):
    """Raised when the server refused a call; the message is the server's own."""


class Watcher(Protocol):
    """Who is told, step by step, what happens at a workbench."""

    def begins(self, step: str) -> None:
        """A step begins."""

    def goes_on(self, why: str) -> None:
        """The step isn't done yet, and why."""

    def ends(self, outcome: str = "") -> None:
        """The step is done, and what came of it."""


@dataclass(frozen=True)
class Grade:
    """What `validate` or `submit` answered."""

    outcome: str
    scores: dict[str, float]
    standard_error: dict[str, float]
    upstream_scores: dict[str, float] | None
    """On all of the original benchmark's examples: what stands beside published scores. After a submit only."""
    baseline: dict[str, float]
    reward: float | None
    flavour: str
    text: str

    @property
    def headline(self) -> str:
        """The scores in a few words."""
        if not self.scores:
            return self.outcome
        return ", ".join(f"{name} {value:.4f}" for name, value in self.scores.items())


async def call(client: Client, tool: str, *, watcher: Watcher | None = None, **arguments: Any) -> CallToolResult:
    """Call a tool; a watcher is told what the server says of a call that takes its time.

    Raises:
        Refused: the server answered with an error.
    """

    async def hear(progress: float, total: float | None, message: str | None) -> None:
        if watcher is not None and message:
            watcher.goes_on(message)

    result = await client.call_tool(tool, arguments, progress_callback=hear)
    if result.is_error:
        raise Refused(text_of(result))
    return result


def text_of(result: CallToolResult) -> str:
    """All the text of a result."""
    return "\n".join(block.text for block in result.content if isinstance(block, TextContent))


def facts_of(result: CallToolResult) -> dict[str, Any]:
    """The structured content of a result; empty when it has none."""
    return result.structured_content or {}


@dataclass(frozen=True)
class Workbench:
    """One open session, and who watches it."""

    client: Client
    session: str | None
    """None where the client's address names it."""
    watcher: Watcher

    @classmethod
    async def open(cls, client: Client, task: str, watcher: Watcher) -> "Workbench":
        """Start a session on a task and wait until its sandbox is open.

        Raises:
            Refused: it could not be opened.
        """
        watcher.begins(f"start {task}")
        facts = facts_of(await call(client, "start", watcher=watcher, task=task))
        while facts["state"] == "waiting":
            watcher.goes_on(facts["reason"] or "waiting")
            facts = facts_of(await call(client, "status", watcher=watcher, session=facts["session"]))
        if facts["state"] != "open":
            raise Refused(f"the session is {facts['state']}: {facts['reason']}")
        watcher.ends(f"{facts['flavour']} data")
        return cls(client, facts["session"], watcher)

    async def bash(self, command: str) -> str:
        """Run a command to its end, however long it takes; returns all that the server showed of it."""
        self.watcher.begins(f"bash: {command}")
        shown = text_of(await self._call("bash", command=command))
        pages = [shown]
        while running := RUNNING.search(shown):
            self.watcher.goes_on(f"as job {running[1]}")
            shown = text_of(await self._call("job", job=running[1]))
            pages.append(shown)
        self.watcher.ends()
        return "\n".join(pages)

    async def create(self, path: str, text: str) -> None:
        """Write a file of the workspace."""
        self.watcher.begins(f"edit: create {path}")
        await self._call("edit", command="create", path=path, file_text=text)
        self.watcher.ends()

    async def validate(self) -> Grade:
        """Score the present artefact on the validation part."""
        return await self._grade("validate")

    async def submit(self) -> Grade:
        """Submit the present artefact: its score is final."""
        return await self._grade("submit")

    async def _grade(self, tool: str) -> Grade:
        self.watcher.begins(tool)
        result = await self._call(tool)
        while facts_of(result)["outcome"] == "pending":
            self.watcher.goes_on("still scoring")
            result = await self._call(tool)
        facts = facts_of(result)
        grade = Grade(**{name: facts[name] for name in GRADE}, text=text_of(result))
        self.watcher.ends(grade.headline)
        return grade

    async def _call(self, tool: str, **arguments: Any) -> CallToolResult:
        return await call(self.client, tool, watcher=self.watcher, session=self.session, **arguments)
