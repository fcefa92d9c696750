"""A crowd: agents that come to a server at random, each for one session, and what becomes of them."""

import random
from collections import Counter
from dataclasses import dataclass, field

import anyio
from cluster import BUSY, Cluster, Size
from fairness import Wait
from kinds import FILE, KINDS, Kind

from mlgym_mcp.errors import CallerError
from mlgym_mcp.scoring.referee import Referee
from mlgym_mcp.scoring.request import ScoreRequest
from mlgym_mcp.scoring.score import Score
from mlgym_mcp.sessions.call import Call
from mlgym_mcp.sessions.edit import EditRequest
from mlgym_mcp.sessions.manager import SessionManager, StartRequest
from mlgym_mcp.sessions.session import Session
from mlgym_mcp.store import Store

PATIENT = Call(wait_s=50)
AGAIN = 60.0
"""Seconds until an agent that was refused comes again."""
ASKS = 1800.0
"""Seconds between two questions of an agent how its waiting session stands."""


@dataclass(frozen=True, slots=True)
class Habits:
    """What agents do, on average; times in seconds, exponentially distributed."""

    commands: int = 6
    command: float = 200.0
    thought: float = 20.0
    """Before each call."""
    scoring: float = 60.0
    """A validation, and a submission."""

    @property
    def length(self) -> float:
        """How long a session is open."""
        return self.commands * (self.command + self.thought) + 3 * self.thought + 2 * self.scoring


@dataclass(slots=True)
class Crowd:
    """Everybody who comes, and what became of them."""

    manager: SessionManager
    store: Store
    cluster: Cluster
    habits: Habits
    dice: random.Random
    waits: list[Wait] = field(default_factory=list)
    outcomes: Counter[str] = field(default_factory=Counter)
    calls: int = 0
    refused: int = 0
    """How often a start was refused, since too many waited already."""

    async def come(self, count: int, rate: float) -> None:
        """Let so many come, `rate` of them a second, and serve them all to the end."""
        async with anyio.create_task_group() as tasks:
            for _ in range(count):
                (kind,) = self.dice.choices(KINDS, [kind.share for kind in KINDS])
                tasks.start_soon(self._attempt, kind)
                await anyio.sleep(self.dice.expovariate(rate))

    async def _attempt(self, kind: Kind) -> None:
        came = anyio.current_time()
        try:
            session = await self._start(kind)
            accepted = anyio.current_time()
            await self._opened(session)
            row = self.store.sessions.get(session.id)
            assert row is not None
            self.waits.append(Wait(kind.name, came, accepted, self.cluster.let_in.pop(row.sandbox)))
            await self._work(session)
            self.outcomes[session.state] += 1
        except Exception as error:  # noqa: BLE001 - whatever went wrong is told, and the others go on
            self.outcomes[f"{type(error).__name__}: {error}"] += 1

    async def _start(self, kind: Kind) -> Session:
        while True:
            try:
                return await self.manager.start(StartRequest(kind.task), call=Call(wait_s=0))
            except CallerError as error:
                if "call `start` again later" not in str(error):
                    raise
                self.refused += 1
                await anyio.sleep(AGAIN)

    async def _opened(self, session: Session) -> None:
        while session.state == "waiting":
            with anyio.move_on_after(ASKS):
                while not await session.opened(PATIENT):
                    pass
            if session.state == "waiting":
                await session.status(call=Call(wait_s=0))
        await session.require_opened()

    async def _work(self, session: Session) -> None:
        for _ in range(self.habits.commands):
            await self._command(session, self.dice.expovariate(1 / self.habits.command))
        await self._thinks()
        await session.edit(EditRequest("create", FILE, file_text=session.id))
        self.calls += 1
        await self._thinks()
        await self._scored(session, submit=False)
        await self._thinks()
        await self._scored(session, submit=True)

    async def _command(self, session: Session, seconds: float) -> None:
        await self._thinks()
        began = anyio.current_time()
        reply = await session.bash(f"{BUSY.decode()}{seconds:.1f}", call=PATIENT)
        self.calls += 1
        while reply.result.running:  # looks again when it should be done
            await anyio.sleep(max(0.0, began + seconds - anyio.current_time()))
            reply = await session.job(reply.result.job, call=PATIENT)
            self.calls += 1

    async def _scored(self, session: Session, *, submit: bool) -> None:
        score = session.submit if submit else session.validate
        while (reply := await score(call=PATIENT)).outcome == "pending":
            self.calls += 1
        self.calls += 1
        if reply.outcome != "scored":
            raise RuntimeError(f"a scoring came to {reply.outcome}: {reply.fault}")

    async def _thinks(self) -> None:
        await anyio.sleep(self.dice.expovariate(1 / self.habits.thought))


@dataclass(frozen=True, slots=True)
class SlowReferee:
    """The real one, whose scorings take time."""

    referee: Referee
    habits: Habits
    dice: random.Random

    async def score(self, request: ScoreRequest) -> Score:
        """Score, after a while."""
        await anyio.sleep(self.dice.expovariate(1 / self.habits.scoring))
        return await self.referee.score(request)


def rate(size: Size, habits: Habits, load: float) -> float:
    """How many have to come a second for a cluster's CPUs to be in use to this share."""
    cpus = sum(kind.share * kind.cpus for kind in KINDS)
    return load * size.nodes * size.cpus / (cpus * habits.length)
