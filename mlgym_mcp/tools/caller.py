"""Who makes the call that is being served, and which session its address names.

A context variable, as the SDK's own authentication uses: resources and lists are asked for without any argument that
could carry it, and each request, of whatever protocol revision, is served in the context of the one that brought it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from mlgym_mcp.sessions.principal import ANONYMOUS, LOCAL, OPEN_TO_ALL, SCOPES, Scope
from mlgym_mcp.store import Actor, acting


@dataclass(frozen=True, slots=True)
class Caller:
    """The maker of one call."""

    principal: str = LOCAL
    session: str | None = None
    """The handle in the address that the call came to (`/s/<session>/mcp`), or of its run token. Secret."""
    scopes: frozenset[Scope] = OPEN_TO_ALL
    confined: bool = False
    """Whether what it showed opens that session and nothing else."""
    token: str | None = None
    """The id of the token that was shown."""
    address: str | None = None
    """From where it came, over HTTP."""
    request: str | None = None
    """The id of the request that brought it, over HTTP."""

    @property
    def known(self) -> bool:
        """Whether it can be told from others, so that sessions are found for it without a handle."""
        return self.principal != ANONYMOUS

    @property
    def operates(self) -> bool:
        """Whether it may do what the owner of the data folder may."""
        return "operate" in self.scopes

    @property
    def account(self) -> str:
        """On which its calls are counted: an agent with a run token has one of its own, apart from its harness."""
        return f"{self.principal} {self.token}" if self.confined else self.principal

    def __repr__(self) -> str:
        return f"Caller(principal={self.principal!r})"


STDIO = Caller(scopes=frozenset(SCOPES))
"""Who speaks over stdin and stdout."""

_current: ContextVar[Caller] = ContextVar("caller", default=STDIO)


def current_caller() -> Caller:
    """The maker of the call that is being served; on stdio always the same."""
    return _current.get()


@contextmanager
def calling(caller: Caller) -> Iterator[None]:
    """Serve what this caller asks for."""
    token = _current.set(caller)
    try:
        with acting(Actor(caller.principal, caller.token, caller.address, caller.request)):
            yield
    finally:
        _current.reset(token)
