"""Frames that a judge should not send: the host refuses them, and keeps no figure that it can't record."""

import json
import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

import anyio
from hypothesis import example, given
from hypothesis import strategies as st

from mlgym_mcp.errors import ScoringError
from mlgym_mcp.sandbox.channel import ProgramEnd
from mlgym_mcp.scoring.grading import Silence, Verdict, grade
from mlgym_mcp.scoring.runner import Runner
from tests.fuzz.strategies import json_values, numbers, texts


class Judge:
    """A judge that says one thing, and then no more."""

    def __init__(self, says: dict[str, Any]) -> None:
        self._says = [says]

    async def send(self, header: dict[str, Any], body: bytes = b"") -> None:
        pass

    async def receive(self) -> tuple[dict[str, Any], bytes]:
        if not self._says:
            raise anyio.EndOfStream
        return self._says.pop(), b""

    async def close(self) -> ProgramEnd:
        return ProgramEnd(1, b"")


@asynccontextmanager
async def nobody() -> AsyncIterator[Silence]:
    yield "ended"


def graded(says: dict[str, Any]) -> Verdict | None:
    """What a judge's word comes to; None: nothing, and that it is no judge's."""
    try:
        return anyio.run(grade, cast(Runner, Judge(says)), {}, nobody)
    except ScoringError as error:
        assert len(str(error)) < 1000
        return None


SCORES = st.dictionaries(texts, numbers, max_size=3) | json_values


@given(
    st.fixed_dictionaries(
        {"type": st.just("verdict"), "outcome": st.sampled_from(["scored", "submission_fault", "grader_error"])},
        optional={"scores": SCORES, "standard_error": SCORES, "code": json_values, "message": json_values},
    )
)
@example({"type": "verdict", "outcome": "scored", "scores": {"score": 10**400}})
@example({"type": "verdict", "outcome": "scored", "scores": {"score": "much"}})
@example({"type": "verdict", "outcome": "scored", "scores": {"score": None}})
@example({"type": "verdict", "outcome": "scored", "scores": {"score": math.nan}})
def test_a_verdict_is_one_that_can_be_recorded_or_none(says: dict[str, Any]) -> None:
    verdict = graded(says)
    if verdict is not None:
        json.dumps([verdict.code, verdict.message], ensure_ascii=False).encode()
        assert all(math.isfinite(value) for value in (*verdict.scores.values(), *verdict.standard_error.values()))


@given(json_values, json_values, json_values)
@example({"a": "b"}, 0, 1)
@example("verdict", ["scored"], 1)
@example("ask", 0, 10**400)
@example("ask", 0, math.nan)
def test_a_question_of_the_wrong_shape_is_no_judges(kind: Any, contestant: Any, limit: Any) -> None:
    assert graded({"type": kind, "contestant": contestant, "outcome": contestant, "limit": limit}) is None
