"""The lives of servers on one data folder, one after the other, and a client that goes on from each to the next."""

import os
import shutil
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio
from mcp import Client
from mcp.types import CallToolResult, RequestParamsMeta

from tests.faults.killing import FORKING, Moment, serve
from tests.gateway import text
from tests.processes import LIMIT, environment
from tests.sandbox.boxes import until

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


def ask(tool: str, says: str = "", **arguments: Any) -> Ask:
    return Ask(tool, says, arguments)


def key_of(number: int) -> str:
    """The key of the call of this number."""
    return f"a key that nobody could guess: call {number}"


KILL = ask("kill")
"""Not a call: the server is killed from outside."""


@dataclass
class Lives:
    """Servers on one data folder. The one of number `armed` kills itself at `moment`."""

    folder: Path
    cache_dir: Path
    moment: Moment | None = None
    armed: int = 1
    settings: dict[str, Any] = field(default_factory=dict)
    deaths: int = 0
    session: str = ""
    answers: list[CallToolResult] = field(default_factory=list)

    @property
    def data(self) -> Path:
        return self.folder / "data"

    async def through(self, asks: Sequence[Ask], then: Callable[[Client], Awaitable[None]]) -> None:
        """Make these calls, each under a key of its own, which is repeated after a death until it is answered."""
        self.answers, done = [], False
        while not done:
            async with self.server() as (url, process):
                try:
                    async with Client(f"{url}/mcp") as client:
                        await self._go_on(client, asks, process.pid)
                        await then(client)
                        done = True
                except Exception:
                    with anyio.move_on_after(5):
                        await until(lambda: process.exitcode is not None)
                    if process.exitcode != -signal.SIGKILL:
                        raise
                    self.deaths += 1

    async def _go_on(self, client: Client, asks: Sequence[Ask], pid: int) -> None:
        while len(self.answers) < len(asks):
            now = asks[len(self.answers)]
            if now is KILL:
                self.answers.append(CallToolResult(content=[]))
                os.kill(pid, signal.SIGKILL)
            answer = await self.call(client, now, number=len(self.answers))
            told = f"{text(answer)} {answer.structured_content}"
            assert now.says in told, (now, told)
            self.answers.append(answer)

    async def call(self, client: Client, asked: Ask, *, number: int) -> CallToolResult:
        """What a tool answers to the call of this number."""
        arguments = dict(asked.arguments)
        if asked.tool == "start":
            arguments |= {"task": TASK, "wait_s": 50}
        else:
            arguments |= {"session": self.session}
        meta = RequestParamsMeta({"mlgym-mcp/key": key_of(number)})  # type: ignore[typeddict-unknown-key]
        answer = await client.call_tool(asked.tool, arguments, meta=meta)
        if asked.tool == "start" and not answer.is_error:
            self.session = str((answer.structured_content or {})["session"])
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
            environment(self.folder, self.cache_dir, **{**settings, **self.settings}),
            log,
            moment,
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
