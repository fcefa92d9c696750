"""One try at an attempt: a session, an agent in its seat, and what came of it."""

import hashlib
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

import anyio

from mlgym_clients.agents.agent import Agent, Ending, Seat
from mlgym_clients.agents.meter import LimitReached, Meter
from mlgym_clients.records.attempt import Attempt, AttemptKey, Limit, Measure, Usage
from mlgym_clients.records.folder import RunFolder
from mlgym_clients.records.run import RunFacts
from mlgym_clients.runs import measures
from mlgym_clients.runs.fault import Fault, causes, faults, is_unreachable
from mlgym_clients.runs.proctor import LIVE, SCORED, Answer, Proctor
from mlgym_clients.server import Server, bearer
from mlgym_clients.workbench import Refused

INTERRUPTED = "interrupted"
LEAVE_GRACE = 60.0
"""Seconds in which a session that is left is ended, or what it has submitted is scored."""
CUT_SHORT = "the server has left out the last {number} events of its trajectory"


@dataclass(frozen=True)
class Stop:
    """Why an agent works no more."""

    ending: Ending
    limit: Limit | None = None
    error: BaseException | None = None
    """What it raised, if that is why."""


@dataclass(frozen=True)
class Trial:
    """How attempts of one run are made."""

    server: Server
    proctor: Proctor
    folder: RunFolder
    facts: RunFacts

    async def make(
        self, attempt: Attempt, agent: Agent, *, start_key: str, seated: Callable[[str, Meter], None]
    ) -> Attempt:
        """Make one try.

        Args:
            attempt: What is to be made; written down as it goes on.
            agent: Who makes it.
            start_key: Marks the session of this try: with the same one, a session that was started already is used.
            seated: Told the session and the meter once the agent begins.

        Raises:
            Fault: it came to nothing through the infrastructure; its session is ended.
        """
        self.folder.write_attempt(attempt)
        task = self.facts.task(attempt.task)
        session, brief = await self.proctor.start(self.facts, task, agent=attempt.agent, key=start_key)
        attempt = attempt.model_copy(update={"session": session, "began_at": time.time()})
        self.folder.write_attempt(attempt)
        meter = Meter(self.facts.limits)
        try:
            standing = await self.proctor.opened(session)
            attempt = attempt.model_copy(update={"flavour": standing["flavour"], "began_at": time.time()})
            self.folder.write_attempt(attempt)
            seated(session, meter)
            stop = await self._play(attempt, agent, brief, meter)
            seconds = time.time() - attempt.began_at
            attempt = attempt.model_copy(
                update={"usage": meter.usage, "seconds": seconds, "limit": stop.limit, "detail": stop.ending.detail}
            )
            self.folder.write_attempt(attempt)
            if not await self._close(session, stop) and isinstance(stop.error, Refused):
                # Nothing went wrong: it went on until there was nothing left to go on with.
                attempt = attempt.model_copy(update={"detail": None})
            return await self.collect(attempt)
        except BaseException as error:
            await self.leave(session)
            if isinstance(error, anyio.get_cancelled_exc_class()):
                self.folder.write_attempt(attempt.model_copy(update={"usage": meter.usage, "detail": INTERRUPTED}))
            raise

    async def collect(self, attempt: Attempt) -> Attempt:
        """What an attempt came to whose session is over, with its events and verdicts, written down.

        Raises:
            Fault: it came to nothing through the infrastructure.
        """
        assert attempt.session is not None
        standing = await self.proctor.standing(attempt.session)
        if standing["state"] not in (*SCORED, "ended"):
            raise Fault(f"the session is {standing['state']}: {standing['reason']}")
        verdict = await self.proctor.verdict(attempt.session) if standing["state"] in SCORED else None
        best = await self.proctor.best(attempt.session) if self.facts.protocol == "strict" else None
        events, left_out = await self.proctor.events(attempt.session)
        self.folder.write_events(attempt.key, events)
        collected = self._finished(attempt, standing, verdict, best)
        if left_out:
            collected = collected.model_copy(update={"detail": CUT_SHORT.format(number=left_out)})
        self.folder.write_attempt(collected)
        return collected

    async def leave(self, session: str) -> None:
        """End a session, whatever goes on."""
        with anyio.move_on_after(LEAVE_GRACE, shield=True), suppress(Fault, Refused):
            await self.proctor.end(session)

    async def _play(self, attempt: Attempt, agent: Agent, brief: str, meter: Meter) -> Stop:
        assert attempt.session is not None
        with faults():
            token = await self.proctor.run_token(attempt.session)
            async with self.server.connect(attempt.session) as client:
                seat = Seat(
                    task=self.facts.task(attempt.task),
                    brief=brief,
                    session=attempt.session,
                    url=self.server.endpoint(None if token else attempt.session),
                    headers=bearer(token) if token else self.server.headers,
                    client=client,
                    folder=self.folder.attempt_folder(attempt.key),
                    number=attempt.number,
                    seed=seed_of(self.facts.seed, attempt.key),
                    meter=meter,
                    hears=partial(self.folder.add_message, attempt.key),
                    baseline=partial(self.proctor.baseline, attempt.task),
                )
                return await _seated(agent, seat, self.facts.limits.wall_time)

    async def _close(self, session: str, stop: Stop) -> bool:
        """Submit for an agent that has not, or end its session; whether that was still to be done."""
        if (await self.proctor.standing(session))["state"] not in LIVE:
            return False
        if stop.ending.why == "exit_forfeit":
            await self.proctor.end(session)
        else:
            await self.proctor.close(session, "submit" if stop.ending.why == "done" else stop.ending.why)
        return True

    def _finished(self, attempt: Attempt, standing: Answer, verdict: Answer | None, best: Answer | None) -> Attempt:
        task, events = self.facts.task(attempt.task), self.folder.read_events(attempt.key)
        steps = self.proctor.steps_of(task, self.facts.limits)
        found = measures.measures(events, steps=steps, began_at=attempt.began_at)
        last = max((event["at"] + event["seconds"] for event in events), default=attempt.began_at)
        used = steps - standing["left"]["steps"]
        if verdict and not any(one.phase == "submit" for one in found):
            submitted = measures.measure_of_answer(verdict, step=used, at=last - attempt.began_at)
            found += [submitted] if submitted else []
        finished = attempt.model_copy(
            update={
                "state": "finished",
                "ended_at": time.time(),
                "exit_status": standing["exit_status"] or "",
                "limit": attempt.limit or _limit_of(standing["exit_status"] or ""),
                "steps": used,
                "seconds": attempt.seconds or last - attempt.began_at,
                "usage": attempt.usage if attempt.usage.requests else self._said(attempt.key),
                "actions": measures.actions(events),
                "measures": tuple(found),
                "branched": measures.was_branched(events),
                # Of a try that had not come to an end yet, which now it has.
                "detail": None if attempt.state == "failed" or attempt.detail == INTERRUPTED else attempt.detail,
            }
        )
        return finished.model_copy(update={"best": self._best(finished, best)})

    def _best(self, attempt: Attempt, answer: Answer | None) -> Measure | None:
        task, submission = self.facts.task(attempt.task), attempt.submission
        if self.facts.protocol == "mlgym":
            return measures.best_of(attempt.measures, task)
        validated = measures.best_of([one for one in attempt.measures if one.phase == "validate"], task)
        if answer is not None:
            at = attempt.seconds if validated is None else validated.at
            return measures.measure_of_answer(answer, step=answer["step"] or attempt.steps, at=at)
        # A server without the group `evaluation` scores no artefact but the one submitted.
        same = submission is not None and (validated is None or validated.artefact == submission.artefact)
        return submission if same else None

    def _said(self, key: AttemptKey) -> Usage:
        """What a model used, by the conversation: what is left where a run was killed."""
        return sum((message.usage for message in self.folder.read_messages(key) if message.usage), Usage())


async def _seated(agent: Agent, seat: Seat, wall_time: float | None) -> Stop:
    try:
        with anyio.move_on_after(wall_time):
            return Stop(await agent.attempt(seat))
    except Exception as error:  # noqa: BLE001 - whatever an agent raises is its own fault, or the network's
        for cause in causes(error):
            if isinstance(cause, LimitReached):
                return Stop(Ending("exit_cost", str(cause)), cause.limit)
        if is_unreachable(error):
            raise
        told = next(causes(error))
        return Stop(Ending("exit_error", f"{type(told).__name__}: {told}"), error=told)
    return Stop(Ending("exit_cost", "the limit of wall_time is reached"), "wall_time")


def seed_of(seed: int, key: AttemptKey) -> int:
    """A seed of its own for each attempt of a run."""
    return int.from_bytes(hashlib.sha256(f"{seed}/{key}".encode()).digest()[:4])


def _limit_of(exit_status: str) -> Limit | None:
    """The limit by which the server cut a session off."""
    return {"(max_steps)": "steps", "(exit_cost)": "wall_time"}.get(exit_status.rpartition(" ")[2])  # type: ignore[return-value]
