"""The lives of servers on one data folder, one after the other, and a client that goes on from each to the next."""

import os
import shutil
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio
from mcp import Client
from mcp.types import CallToolResult, RequestParamsMeta

from mlgym_mcp.store import Store
from tests.faults.killing import FORKING, Moment, Scene, serve
from tests.gateway import text
from tests.processes import LIMIT, environment
from tests.sandbox.boxes import until

HOUR = 3600.0
TASK = "riddle-v1"
DOCUMENT = """
id: riddle-v1
title: A riddle
domain: testing
environment: {profile: plain}
resources: {cpus: 1, memory: 256MiB, disk: 64MiB}
budget: {steps: 20}
submission: {files: [strategy.py, weights], kind: code, max_size: 2MiB}
metrics: [{name: points, goal: maximize, ranks: true}]
baselines: {full: {strict: {points: 0}}, sample: {points: 0}}
target: {value: 10, source: "the test"}
comparable: {value: false, why: "nothing was published"}
"""
GRADER = """
from judging import Measure, choices
from wire import Array

def grade(case):
    rows = Array.of(b"", (1, 0, 2))
    _, answer = case.contestant(0).ask({"op": "map", "file": "strategy.py", "function": "play"}, [rows])
    return {"points": Measure(float(choices(answer, count=1, allowed=range(10), what="answer")[0]))}
"""
FILES = {
    "task.yaml": DOCUMENT,
    "brief.md": "Return a number.",
    "data.py": "def prepare(flavour, sources, out, seed):\n    pass\n",
    "grader.py": GRADER,
    "starter/strategy.py": "def play(history):\n    return 7\n",
    "starter/hint": "a number\n",
}


@dataclass(frozen=True)
class Ask:
    """One call of a tool."""

    tool: str
    says: str = ""
    """What its answer must hold."""
    arguments: dict[str, Any] = field(default_factory=dict)
    of: int = 0
    """Of which session, by the order of their starts."""

    @property
    def costs(self) -> bool:
        """Whether it is one step of the budget."""
        return self.tool in ("bash", "edit", "validate", "submit") or self.arguments.get("action") == "input"


def ask(tool: str, says: str = "", *, of: int = 0, **arguments: Any) -> Ask:
    return Ask(tool, says, arguments, of)


def key_of(number: int) -> str:
    """The key of the call of this number."""
    return f"a key that nobody could guess: call {number}"


KILL = ask("kill")
"""Not a call: the server is killed from outside."""
WISH = ask("wish")
"""Not a call: the operator has the session ended, by what another process leaves in the store."""


@dataclass
class Lives:
    """Servers on one data folder. To the one of number `armed` something happens at `moment`.

    Each one's clock is an hour ahead of the one before: nobody may be charged for the time without a server.
    """

    folder: Path
    cache_dir: Path
    moment: Moment | None = None
    armed: int = 1
    settings: dict[str, Any] = field(default_factory=dict)
    variables: dict[str, str] = field(default_factory=dict)
    """Of the servers' environment."""
    deaths: int = 0
    sessions: list[str] = field(default_factory=list)
    answers: list[CallToolResult] = field(default_factory=list)

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def session(self) -> str:
        """The handle of the session that was started first."""
        return self.sessions[0]

    async def through(self, asks: Sequence[Ask], then: Callable[[Client], Awaitable[None]]) -> None:
        """Make these calls, each under a key of its own, which is repeated after a death until it is answered."""
        done = False
        while not done:
            async with self.server() as (url, process):
                try:
                    async with Client(f"{url}/mcp") as client:
                        await self.go_on(client, asks[len(self.answers) :], process.pid)
                        await then(client)
                        done = True
                except Exception:
                    with anyio.move_on_after(5):
                        await until(lambda: process.exitcode is not None)
                    if process.exitcode != -signal.SIGKILL:
                        raise
                    self.deaths += 1

    async def go_on(self, client: Client, asks: Sequence[Ask], pid: int = 0) -> None:
        """Make these calls, each under a key of its own, and see that they are answered as they say."""
        for now in asks:
            if now is KILL:
                self.answers.append(CallToolResult(content=[]))
                os.kill(pid, signal.SIGKILL)
            elif now is WISH:
                self.answers.append(await self._wish(client))
            else:
                answer = await self.call(client, now, number=len(self.answers))
                told = f"{text(answer)} {answer.structured_content}"
                assert now.says in told, (now, told)
                self.answers.append(answer)

    async def _wish(self, client: Client) -> CallToolResult:
        """Leave a wish, and wait until the server that has the session obeys; it has it once somebody asks for it."""

        async def over() -> bool:
            return "'state': 'open'" not in str(await self.call(client, ask("status"), number=0))

        with Store.open(self.data) as store:
            store.wishes.add(self.session, "end", at=time.time())
        await until(over, within=LIMIT)
        return CallToolResult(content=[])

    async def call(self, client: Client, asked: Ask, *, number: int) -> CallToolResult:
        """What a tool answers to the call of this number."""
        arguments = dict(asked.arguments)
        if asked.tool == "start":
            arguments = {"task": TASK, "wait_s": 50, **arguments}
        else:
            arguments |= {"session": self.sessions[asked.of]}
        meta = RequestParamsMeta({"mlgym-mcp/key": key_of(number)})  # type: ignore[typeddict-unknown-key]
        answer = await client.call_tool(asked.tool, arguments, meta=meta)
        if asked.tool == "start" and not answer.is_error:
            handle = str((answer.structured_content or {})["session"])
            self.sessions += [] if handle in self.sessions else [handle]
        return answer

    @asynccontextmanager
    async def server(self) -> AsyncIterator[tuple[str, Any]]:
        """The next server: its address, and its process, which is told to end with the block if it has not."""
        moment = self.moment if self.armed == self.deaths + 1 else None
        settings = {"tools": "checkpoints,evaluation", "pool": 0, "tasks_dirs": self.folder / "tasks"}
        log = self.folder / "server.log"
        log.unlink(missing_ok=True)
        arguments = (
            ["serve", "--http", "--port", "0"],
            {**environment(self.folder, self.cache_dir, **{**settings, **self.settings}), **self.variables},
            log,
            Scene(moment, ahead=HOUR * self.deaths),
        )
        process = FORKING.Process(target=serve, args=arguments)
        process.start()
        try:
            with anyio.fail_after(LIMIT):
                await until(lambda: process.exitcode is not None or (log.exists() and "/mcp\n" in log.read_text()))
                yield log.read_text().split("serving MCP at ")[1].split("/mcp")[0], process
        finally:
            process.terminate()
            process.join(LIMIT)
            process.close()


def furnish(folder: Path) -> None:
    """Write the task."""
    for name, content in FILES.items():
        path = folder / "tasks" / TASK / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)


async def prepare(folder: Path, cache_dir: Path) -> Path:
    """A folder whose data is prepared, to begin others from."""
    furnish(folder)
    lives = Lives(folder, cache_dir)

    async def end(client: Client) -> None:
        await client.call_tool("end", {"session": lives.session})

    await lives.through([ask("start", "'state': 'open'")], end)
    return folder


def begin(prepared: Path, folder: Path) -> None:
    """Make a data folder whose data is prepared."""
    furnish(folder)
    (folder / "data").mkdir(mode=0o700)
    shutil.copytree(prepared / "data/prepared", folder / "data/prepared")
    shutil.copy(prepared / "data/secret", folder / "data/secret")
