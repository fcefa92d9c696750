"""A visitor: who looks, and which sessions it sees."""

from dataclasses import dataclass

from mlgym_mcp.sessions.principal import SCOPES, Scope
from mlgym_mcp.store import SessionRow


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who looks at pages."""

    principal: str
    scopes: frozenset[Scope]
    session: str | None = None
    """The handle of the one session that its token opens. Secret."""
    everything: bool = False
    """Whether it sees all sessions, whoever's they are."""
    signed_in: bool = False
    """Whether it came by a cookie, which it may give up."""

    def sees(self, row: SessionRow) -> bool:
        """Whether a session is one of its own, or it sees all."""
        if self.session is not None:
            return row.id == self.session
        return self.everything or row.principal == self.principal

    def refusal(self, scope: Scope) -> str | None:
        """Why it may not look at what takes this scope; None if it may."""
        if scope in self.scopes:
            return None
        return f"This page needs a token with the scope {scope}; ask who runs this server for another."

    @property
    def only(self) -> tuple[str | None, str | None]:
        """The principal and the handle that its sessions have; None: whichever."""
        if self.session is not None:
            return None, self.session
        return (None if self.everything else self.principal), None

    def __repr__(self) -> str:
        return f"Visitor(principal={self.principal!r})"


OWNER = Visitor("local", frozenset(SCOPES), everything=True)
"""Whoever may read the data folder's files anyway."""
