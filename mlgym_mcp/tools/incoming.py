"""What a request says about itself: who makes it, how long it waits, whether it is a repetition."""

import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias, cast

from mcp.server.mcpserver import Context
from pydantic import Field, ValidatorFunctionWrapHandler, WithJsonSchema, WrapValidator

from mlgym_mcp.errors import CallerError
from mlgym_mcp.inert import inert
from mlgym_mcp.sessions.call import MAX_WAIT, OWN_KEY, Accepted, Call

KEY = "mlgym-mcp/key"
"""The `_meta` entry with which a client marks repetitions of one call."""

AGENT = "mlgym-mcp/agent"
"""The `_meta` entry with which a harness says, in `start`, whose notes the session reads and writes."""

LONGEST_KEY = 200
"""Characters of such a mark or name, which is kept for as long as its session."""

_accepted: ContextVar[Accepted | None] = ContextVar("accepted", default=None)

Request: TypeAlias = Context[Any, Any]

WaitSeconds: TypeAlias = Annotated[
    float | None,
    Field(
        description=f"Seconds to wait for the answer, at most {MAX_WAIT:.0f}; left out, as the operator chose.", ge=0
    ),
]
SessionHandle: TypeAlias = Annotated[
    str | None, Field(description="The session, as `start` named it. Not needed while you have only one open.")
]

if TYPE_CHECKING:
    OptionalText: TypeAlias = str | None
else:

    def _null_or(value: object, validate: ValidatorFunctionWrapHandler) -> object:
        return None if value is None else validate(value)

    # The SDK turns a text that looks like JSON into what it says, unless the parameter's type is `str` and nothing
    # else; an agent could not write a JSON file then.
    OptionalText = Annotated[
        str, WrapValidator(_null_or), WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "null"}]})
    ]
    """A text, or null for none."""


@contextmanager
def told_accepted(accepted: Accepted) -> Iterator[None]:
    """Have the calls that the block makes tell once they are accepted; each gets a key, if it has none."""
    token = _accepted.set(accepted)
    try:
        yield
    finally:
        _accepted.reset(token)


def call_of(request: Request, wait_s: float) -> Call:
    """How this request waits: its patience, its idempotency key, and progress to whoever asked for it.

    Raises:
        CallerError: the key is none that could be kept.
    """

    async def notify(seconds: float, line: str) -> None:
        await request.report_progress(seconds, None, inert(line))

    key, accepted = _meta(request, KEY, "key of a call"), _accepted.get()
    if accepted is not None and key is None:
        key = OWN_KEY + secrets.token_hex(16)
    return Call(wait_s=wait_s, key=key, notify=notify, accepted=accepted)


def agent_of(request: Request) -> str | None:
    """The agent that a session is started for.

    Raises:
        CallerError: its name is none that could be kept.
    """
    return _meta(request, AGENT, "name of an agent")


def _meta(request: Request, entry: str, noun: str) -> str | None:
    value = cast(Mapping[str, object], request.request_context.meta or {}).get(entry)
    if not isinstance(value, str) or not value:
        return None
    if len(value) > LONGEST_KEY or not value.isascii():
        raise CallerError(f"The {noun} has at most {LONGEST_KEY} characters, all of ASCII; choose another.")
    return value
