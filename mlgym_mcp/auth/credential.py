"""What a caller has shown, and why it is not let in."""

from dataclasses import dataclass
from typing import Literal

from mlgym_mcp.sessions.principal import Scope


@dataclass(frozen=True, slots=True)
class Credential:
    """What a caller is by what it showed."""

    principal: str
    scopes: frozenset[Scope]
    token: str | None = None
    """The id of a stored token."""
    session: str | None = None
    """The handle of the one session that it opens. Secret."""

    def __repr__(self) -> str:
        return f"Credential(principal={self.principal!r})"


class Refused(Exception):
    """Raised when a caller is not let in."""

    def __init__(
        self, why: str, status: Literal[401, 403, 503] = 401, *, error: str | None = None, scope: str | None = None
    ) -> None:
        """`why`: a sentence of plain ASCII, as it stands in a header too; `error`, `scope`: as RFC 6750 has them."""
        super().__init__(why)
        self.status = status
        self.error = error
        self.scope = scope
