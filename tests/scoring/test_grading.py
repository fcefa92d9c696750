"""The host between judge and contestant, where the contestant does its worst."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest

from mlgym_mcp.errors import SandboxError, SandboxGone
from mlgym_mcp.sandbox.frames import Header
from mlgym_mcp.scoring.grading import grade
from mlgym_mcp.scoring.runner import Runner


class Judge(Runner):
    """Asks contestant 0 once, and makes what it is told the verdict's code."""

    def __init__(self, message: str = "") -> None:
        self._told: list[Mapping[str, Any]] = []
        self._message = message

    async def send(self, header: Mapping[str, Any], body: bytes = b"") -> None:
        self._told.append(header)

    async def receive(self) -> tuple[Header, bytes]:
        if len(self._told) == 1:
            return {"type": "ask", "contestant": 0, "limit": 60.0}, b""
        code = self._told[-1].get("reason")
        return {"type": "verdict", "outcome": "submission_fault", "code": code, "message": self._message}, b""


class Lost(Runner):
    """A contestant whose guest does not answer; `ended` is what the backend says of its sandbox, None: nothing."""

    def __init__(self, ended: bool | None) -> None:
        self._ended = ended

    async def send(self, header: Mapping[str, Any], body: bytes = b"") -> None:
        raise SandboxGone("no answer")

    async def sandbox_ended(self) -> bool:
        if self._ended is None:
            raise SandboxError("the engine does not answer")
        return self._ended


async def graded(judge: Judge, ended: bool | None) -> tuple[str | None, str | None]:
    @asynccontextmanager
    async def contestant() -> AsyncIterator[Runner]:
        yield Lost(ended)

    verdict = await grade(judge, {"type": "grade"}, contestant)
    return verdict.code, verdict.message


async def test_a_contestant_that_starves_its_guest_is_late() -> None:
    assert await graded(Judge(), ended=False) == ("late", None)


async def test_a_contestant_that_ended_its_sandbox_has_ended() -> None:
    assert await graded(Judge(), ended=True) == ("ended", None)


async def test_a_backend_that_says_nothing_is_our_fault() -> None:
    with pytest.raises(SandboxError):
        await graded(Judge(), ended=None)


async def test_what_no_record_can_hold_does_not_spare_a_submission_its_verdict() -> None:
    code, message = await graded(Judge("Exception: \ud800"), ended=True)
    assert (code, message) == ("ended", "Exception: ?")
