"""Principals: on whose account a call is made, whose sessions it may use, and what it may do."""

from typing import Literal, TypeAlias, get_args

from mlgym_mcp.errors import CallerError

Scope: TypeAlias = Literal["read", "attempt", "evaluate", "operate"]
"""`read`: the tasks and their leaderboards. `attempt`: to start sessions and to work in one's own. `evaluate`: the
tools for whoever runs agents. `operate`: others' sessions, and what the server says of itself."""
SCOPES: tuple[Scope, ...] = get_args(Scope)
OPEN_TO_ALL = frozenset(SCOPES) - {"operate"}
"""What whoever comes may do where no credential is asked for."""
TO_WORK: tuple[Scope, ...] = ("read", "attempt")
"""What it takes to work in sessions."""

LOCAL = "local"
"""Who speaks over stdin and stdout: the one who owns the data folder."""
BEARER = "bearer"
"""Who shows the one token that the server is configured with."""
ANONYMOUS = "anonymous"
"""Who comes over HTTP without a credential; strangers to each other, though they share this name."""
OPERATORS = frozenset({LOCAL, BEARER})
"""Who is held to no quota."""
RESERVED = OPERATORS | {ANONYMOUS}
"""The names that no token can be made for."""

SHORTEST_SHARED = 32
"""Characters of a key or an agent's name that somebody without a credential brings."""


def may_use(principal: str, owner: str) -> bool:
    """Whether a principal that holds the handle of `owner`'s session may use it.

    What was started without a credential has nothing but its handle to guard it, wherever it comes up again.
    """
    return principal in (owner, LOCAL) or owner in (LOCAL, ANONYMOUS)


def require_unguessable(key: str | None, agent: str | None) -> None:
    """Check the key of a `start` and the agent's name that somebody without a credential brings.

    Raises:
        CallerError: another could guess it.
    """
    if key and len(key) < SHORTEST_SHARED:
        raise CallerError(
            f"Without a credential the key of a `start` must have {SHORTEST_SHARED} characters or more that "
            "nobody can guess: whoever repeats it is given the session."
        )
    if agent and len(agent) < SHORTEST_SHARED:
        raise CallerError(
            f"Without a credential an agent's name must have {SHORTEST_SHARED} characters or more that nobody "
            "can guess: whoever knows it reads the agent's notes."
        )
