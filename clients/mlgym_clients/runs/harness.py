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
from mlgym_clients.runs.fault import Fault, Lasting, ServerLost
from mlgym_clients.runs.proctor import SCORED, Answer
from mlgym_clients.runs.trial import Trial
from mlgym_clients.workbench import Refused

PAUSES = (2.0, 10.0)
LOOK = 3.0
"""Seconds between two looks at how far running attempts are."""
BY_TIME = ("(exit_cost)", "(exit_error)")
"""How the exit status of a session ends that ended by its wall time or its lease."""
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
        left = self._left()
        async with anyio.create_task_group() as watch:
            watch.start_soon(self._look)
            async with anyio.create_task_group() as attempts:
                for key in left:
                    await places.acquire()
                    attempts.start_soon(self._in_place, places, key)
            watch.cancel_scope.cancel()

    def _left(self) -> list[AttemptKey]:
        """The attempts that are not finished; the board is told of the others."""
        left = []
        for key in self.trial.facts.keys:
            known = self.trial.folder.read_attempt(key)
            if known is not None and known.state == "finished":
                self.board.ends(known)
            else:
                left.append(key)
        return left

    async def _in_place(self, places: anyio.Semaphore, key: AttemptKey) -> None:
        try:
            self.board.begins(key)
            self.board.ends(await self._attempt(key))
        finally:
            self.sessions.pop(key, None)
            self.board.leaves(key)
            places.release()

    async def _attempt(self, key: AttemptKey) -> Attempt:
        for pause in (*self.pauses, None):
            try:
                return await self._taken_up(key) or await self._made(key)
            except ServerLost as lost:
                if pause is None:
                    raise
                self.board.says(f"{key}: {lost}")
            except (Fault, Refused) as fault:
                failed = self._failed(key, fault)
                if pause is None or isinstance(fault, Lasting):
                    return failed
                self.board.says(f"{key}: {fault}")
            await anyio.sleep(pause or 0)
        raise AssertionError("unreachable")

    async def _taken_up(self, key: AttemptKey) -> Attempt | None:
        """What an attempt that was left behind came to, if it came to an end; else room is made to begin it anew."""
        known = self.trial.folder.read_attempt(key)
        if known is None or known.session is None:
            return None
        with suppress(Refused):  # a server that knows nothing of it, or has not kept its score
            if _came_to_an_end(known, await self.trial.proctor.standing(known.session)):
                try:
                    return await self.trial.collect(known)
                except ServerLost:
                    raise
                except Fault as fault:
                    self.board.says(f"{key}: {fault}")
            await self.trial.leave(known.session)
        self._set_aside(known)
        return None

    async def _made(self, key: AttemptKey) -> Attempt:
        def seated(session: str, meter: Meter) -> None:
            self.sessions[key] = session
            self.board.seated(key, meter)

        known, attempt = self.trial.folder.read_attempt(key), Attempt(task=key.task, agent=key.agent, number=key.number)
        tries = 1 if known is None else known.tries + (known.state == "failed")
        attempt = attempt.model_copy(update={"protocol": self.trial.facts.protocol, "tries": tries})
        return await self.trial.make(attempt, self.agents[key.agent], start_key=self._start_key(key), seated=seated)

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

    def _set_aside(self, attempt: Attempt) -> None:
        """Put what a try has left where it is in nobody's way; only what is known of the attempt stays."""
        folder = self.trial.folder.attempt_folder(attempt.key)
        earlier = folder / EARLIER
        aside = earlier / str(len(list(earlier.glob("*"))) + 1)
        aside.mkdir(parents=True)
        for path in folder.iterdir():
            if path != earlier:
                path.rename(aside / path.name)
        self.trial.folder.write_attempt(attempt.model_copy(update={"session": None}))

    async def _look(self) -> None:
        while self.board.shows_steps:
            await anyio.sleep(LOOK)
            for key, session in list(self.sessions.items()):
                with suppress(Fault, Refused):
                    left = (await self.trial.proctor.standing(session))["left"]["steps"]
                    task = self.trial.facts.task(key.task)
                    self.board.steps(key, self.trial.proctor.steps_of(task, self.trial.facts.limits) - left)


def _came_to_an_end(attempt: Attempt, standing: Answer) -> bool:
    """Whether it was its agent that brought a session to its end, or its budget while the agent worked."""
    if standing["state"] not in SCORED:
        return False
    # Else its time ran out, or its lease, while nobody was there who would have worked.
    return attempt.seconds > 0 or not str(standing["exit_status"]).endswith(BY_TIME)
