"""One grading: the host between a judge and the contestants it asks for, understanding neither."""

import math
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass, field
from typing import Any, Literal

import anyio
from anyio import EndOfStream

from mlgym_mcp.errors import SandboxGone, ScoringError
from mlgym_mcp.sandbox.frames import FrameError, FrameTooLarge, Header, plain_text
from mlgym_mcp.scoring.runner import Runner

Silence = Literal["late", "ended", "oversized", "malformed"]
OpenContestant = Callable[[], AbstractAsyncContextManager["Runner | Silence"]]
"""Gives a contestant, or why it says nothing."""

MAX_CONTESTANTS = 16
ASK_LIMIT = 600.0
"""Seconds that a judge may give a contestant for one answer."""
LOAD_LIMIT = 60.0
"""Seconds in which a contestant has to start and unpack its submission."""
SIGKILL = -9
MAX_NUMBER = 1e300


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a judge says of one grading."""

    outcome: Literal["scored", "submission_fault", "grader_error"]
    scores: dict[str, float] = field(default_factory=dict)
    standard_error: dict[str, float] = field(default_factory=dict)
    code: str | None = None
    message: str | None = None


async def grade(judge: Runner, request: Header, open_contestant: OpenContestant) -> Verdict:
    """Have a judge grade once, and carry its questions to contestants, each started with the first question to it.

    Raises:
        ScoringError: the judge ended or spoke out of turn, though nothing of the submission runs in it.
    """
    async with AsyncExitStack() as opened:
        contestants: dict[int, Runner | Silence] = {}
        await judge.send(request)
        while True:
            header, body = await _from_judge(judge)
            if header.get("type") == "verdict":
                return _verdict(header)
            index = header.get("contestant")
            if header.get("type") != "ask" or not isinstance(index, int) or not 0 <= index < MAX_CONTESTANTS:
                raise ScoringError(f"the judge sent what no judge should: {str(header)[:200]}")
            if index not in contestants:
                contestants[index] = await opened.enter_async_context(open_contestant())
            silence, answer = await _ask(contestants[index], header, body)
            if silence:
                # Whatever it says later would be taken for the answer to another question.
                contestants[index] = "ended"
                await judge.send({"type": "silence", "reason": silence})
            else:
                await judge.send({"type": "answer"}, answer)


async def load(runner: Runner, seed: int) -> Runner | Silence:
    """Have a contestant unpack its submission; it, or why it has not, which the judge is told when it asks."""
    silence, _ = await _exchange(runner, {"type": "load", "seed": seed}, b"", LOAD_LIMIT)
    return silence or runner


async def _from_judge(judge: Runner) -> tuple[Header, bytes]:
    try:
        return await judge.receive()
    except EndOfStream:
        end = await judge.close()
    except FrameError as error:
        raise ScoringError(f"the judge sent no frame: {error}") from None
    if end.exit_code == SIGKILL:
        message = "the judge ran out of memory on this submission"
        return {"type": "verdict", "outcome": "submission_fault", "code": "judge_limits", "message": message}, b""
    raise ScoringError(f"the judge ended with {end.exit_code}: {end.stderr[-2000:].decode(errors='replace')}")


async def _ask(contestant: Runner | Silence, header: Header, body: bytes) -> tuple[Silence | None, bytes]:
    limit = header.get("limit")
    seconds = min(ASK_LIMIT, limit) if isinstance(limit, int | float) else ASK_LIMIT  # NaN is less than nothing
    if not isinstance(contestant, Runner):
        return contestant, b""
    return await _exchange(contestant, {"type": "ask"}, body, seconds)


async def _exchange(contestant: Runner, header: Header, body: bytes, seconds: float) -> tuple[Silence | None, bytes]:
    try:
        with anyio.fail_after(seconds):
            await contestant.send(header, body)
            return None, (await contestant.receive())[1]
    except TimeoutError:
        return "late", b""
    except FrameTooLarge:
        return "oversized", b""
    except FrameError:
        return "malformed", b""
    except EndOfStream:
        return "ended", b""
    except SandboxGone:
        # A submission can end its whole sandbox (its memory runs out, and the kernel kills process 1), or see to it
        # that process 1 never runs: neither may spare it a verdict. A backend that can't tell is our failure; so is a
        # judge's sandbox that went with it, since only a judge that answers has a verdict.
        return ("ended" if await contestant.sandbox_ended() else "late"), b""


def _verdict(header: Header) -> Verdict:
    outcome = header.get("outcome")
    if outcome not in ("scored", "submission_fault", "grader_error"):
        raise ScoringError(f"the judge's verdict has the outcome {outcome!r}")
    return Verdict(
        outcome=outcome,
        scores=_numbers(header.get("scores")),
        standard_error=_numbers(header.get("standard_error")),
        # A message quotes the submission, which may have put in it what no record can hold.
        code=plain_text(header.get("code"), 80) or None,
        message=plain_text(header.get("message"), 500) or None,
    )


def _numbers(value: Any) -> dict[str, float]:
    found = value if isinstance(value, dict) else {}
    numbers = {plain_text(name, 80): _number(number) for name, number in found.items()}
    if not all(map(math.isfinite, numbers.values())):
        raise ScoringError(f"the judge's verdict has a figure that is no number: {str(found)[:200]}")
    return numbers


def _number(value: Any) -> float:
    """A number that fits a record; NaN for anything else."""
    return float(value) if isinstance(value, int | float) and abs(value) < MAX_NUMBER else math.nan
