"""One grading: the host between a judge and the contestants it asks for, understanding neither."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

import anyio
from anyio import EndOfStream

from mlgym_mcp.errors import SandboxGone, ScoringError
from mlgym_mcp.sandbox.frames import FrameError, FrameTooLarge, Header
from mlgym_mcp.scoring.runner import Runner

OpenContestant = Callable[[], AbstractAsyncContextManager[Runner]]
Silence = Literal["late", "ended", "oversized", "malformed"]

MAX_CONTESTANTS = 16
ASK_LIMIT = 600.0
"""Seconds that a judge may give a contestant for one answer."""
SIGKILL = -9


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
        contestants: dict[int, Runner | None] = {}
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
                contestants[index] = None
                await judge.send({"type": "silence", "reason": silence})
            else:
                await judge.send({"type": "answer"}, answer)


@asynccontextmanager
async def loaded(runner: Runner, seed: int) -> AsyncIterator[Runner]:
    """A contestant's runner that has unpacked its submission."""
    await runner.send({"type": "load", "seed": seed})
    # A failure to load shows with the first question, where the judge can say whose it is.
    with anyio.move_on_after(ASK_LIMIT):
        try:
            await runner.receive()
        except (EndOfStream, FrameError, SandboxGone):
            pass
    yield runner


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


async def _ask(contestant: Runner | None, header: Header, body: bytes) -> tuple[Silence | None, bytes]:
    limit = header.get("limit")
    seconds = min(float(limit), ASK_LIMIT) if isinstance(limit, int | float) else ASK_LIMIT
    if contestant is None:
        return "ended", b""
    try:
        with anyio.fail_after(seconds):
            await contestant.send({"type": "ask"}, body)
            return None, (await contestant.receive())[1]
    except TimeoutError:
        return "late", b""
    except FrameTooLarge:
        return "oversized", b""
    except FrameError:
        return "malformed", b""
    except (EndOfStream, SandboxGone):
        return "ended", b""


def _verdict(header: Header) -> Verdict:
    outcome = header.get("outcome")
    if outcome not in ("scored", "submission_fault", "grader_error"):
        raise ScoringError(f"the judge's verdict has the outcome {outcome!r}")
    return Verdict(
        outcome=outcome,
        scores=_numbers(header.get("scores")),
        standard_error=_numbers(header.get("standard_error")),
        code=str(header["code"])[:80] if header.get("code") else None,
        message=str(header["message"])[:500] if header.get("message") else None,
    )


def _numbers(value: Any) -> dict[str, float]:
    return {str(name): float(number) for name, number in value.items()} if isinstance(value, dict) else {}
