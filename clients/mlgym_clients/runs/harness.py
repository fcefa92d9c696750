"""The harness: every attempt of a run's matrix, several at once, none twice."""

import secrets
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

import anyio

from mlgym_clients.agents.agent import Agent
from mlgym_clients.agents.meter import Meter
from mlgym_clients.records.attempt import Attempt, AttemptKey
from mlgym_clients.records.folder import write
from mlgym_clients.runs.board import Board
from mlgym_clients.runs.fault import Fault, ServerLost
from mlgym_clients.runs.proctor import SCORED
from mlgym_clients.runs.trial import Trial
from mlgym_clients.workbench import Refused

PAUSES = (2.0, 10.0)
LOOK = 3.0
"""Seconds between two looks at how far running attempts are."""
EARLIER = "tries"
"""In an attempt's folder: what tries left that don't count."""


@dataclass
class Harness:
    """Makes what is left to make of a run."""

    trial: Trial
    agents: Mapping[str, Agent]
    board: Board
    pauses: Sequence[float] = PAUSES
    """Seconds before an attempt is tried again that came to nothing through the infrastructure."""
    sessions: dict[AttemptKey, str] = field(default_factory=dict)
    """Of the attempts that run now."""

    async def run(self, concurrency: int) -> None:
        """Make every attempt that is not finished, in the order of the matrix.

        Raises:
            ServerLost: the server is gone; attempts that ran can be taken up again.
        """
        places = anyio.Semaphore(concurrency)
        async with anyio.create_task_group() as watch:
            watch.start_soon(self._look)
            async with anyio.create_task_group() as attempts:
                for key in self.trial.facts.keys:
                    known = self.trial.folder.read_attempt(key)
                    if known is not None and known.state == "finished":
                        self.board.ends(known)
                        continue
                    await places.acquire()
                    attempts.start_soon(self._in_place, places, key, known)
            watch.cancel_scope.cancel()

    async def _in_place(self, places: anyio.Semaphore, key: AttemptKey, known: Attempt | None) -> None:
        try:
            self.board.begins(key)
            self.board.ends(await self._attempt(key, known))
        finally:
            self.sessions.pop(key, None)
            self.board.leaves(key)
            places.release()

    async def _attempt(self, key: AttemptKey, known: Attempt | None) -> Attempt:
        tries = 1
        if known is not None:
            tries = known.tries + (known.state == "failed")
            if (collected := await self._taken_up(known)) is not None:
                return collected
        for pause in (*self.pauses, None):
            attempt = Attempt(task=key.task, agent=key.agent, number=key.number, tries=tries)
            attempt = attempt.model_copy(update={"protocol": self.trial.facts.protocol})
            try:
                return await self._made(attempt)
            except (Fault, Refused) as fault:
                if pause is None and isinstance(fault, ServerLost):
                    raise
                self.board.says(f"{key}: {fault}")
                if pause is None:
                    return self._failed(key, fault)
                self._set_aside(key)
                tries += 1
                await anyio.sleep(pause)
        raise AssertionError("unreachable")

    async def _taken_up(self, known: Attempt) -> Attempt | None:
        """What an attempt that was left behind came to, if it came to an end; else room is made to begin it anew."""
        if known.session is None:
            return None
        with suppress(Refused):  # a server that knows nothing of it, or has not kept its score
            if known.state == "running" and (await self.trial.proctor.standing(known.session))["state"] in SCORED:
                try:
                    return await self.trial.collect(known)
                except ServerLost:
                    raise
                except Fault as fault:
                    self.board.says(f"{known.key}: {fault}")
            await self.trial.leave(known.session)
        self._set_aside(known.key)
        return None

    async def _made(self, attempt: Attempt) -> Attempt:
        def seated(session: str, meter: Meter) -> None:
            self.sessions[attempt.key] = session
            self.board.seated(attempt.key, meter)

        agent = self.agents[attempt.agent]
        return await self.trial.make(attempt, agent, start_key=self._start_key(attempt.key), seated=seated)

    def _failed(self, key: AttemptKey, fault: Exception) -> Attempt:
        known = self.trial.folder.read_attempt(key)
        assert known is not None
        failed = known.model_copy(update={"state": "failed", "detail": str(fault)})
        self.trial.folder.write_attempt(failed)
        return failed

    def _start_key(self, key: AttemptKey) -> str:
        """The key of this try's `start`: kept from before the session is, so that none is ever lost to a crash."""
        path = self.trial.folder.attempt_folder(key) / ".start"
        if not path.is_file():
            write(path, secrets.token_hex(16))
        return path.read_text()

    def _set_aside(self, key: AttemptKey) -> None:
        """Put what a try has left where it is in nobody's way."""
        folder = self.trial.folder.attempt_folder(key)
        earlier = folder / EARLIER
        aside = earlier / str(len(list(earlier.glob("*"))) + 1)
        aside.mkdir(parents=True)
        for path in folder.iterdir():
            if path != earlier:
                path.rename(aside / path.name)

    async def _look(self) -> None:
        while self.board.shows_steps:
            await anyio.sleep(LOOK)
            for key, session in list(self.sessions.items()):
                with suppress(Fault, Refused):
                    left = (await self.trial.proctor.standing(session))["left"]["steps"]
                    task = self.trial.facts.task(key.task)
                    self.board.steps(key, self.trial.proctor.steps_of(task, self.trial.facts.limits) - left)
