"""A page: where it is, who may look, and what it shows."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

from mlgym_mcp.sessions.principal import Scope

if TYPE_CHECKING:
    from mlgym_mcp.viewer.visit import Visit
    from mlgym_mcp.viewer.visitor import Visitor

NOT_YOURS = "Runs are shown to whoever operates the server: their folders are not sessions of one user."
ONE_SESSION = "Who may see one session only is shown no leaderboard."


@dataclass(frozen=True, slots=True)
class Content:
    """What a page shows: a template, and what that is given."""

    template: str
    """Its file in `templates/`."""
    title: str
    facts: Mapping[str, Any] = field(default_factory=dict)
    status: int = 200


@dataclass(frozen=True, slots=True)
class Download:
    """What is kept rather than shown."""

    name: str
    """Of the file."""
    media_type: str
    content: str


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """What was asked for is at another address of the viewer."""

    path: str


class NotHere(Exception):
    """Raised with a sentence where there is nothing that the visitor may see."""


Show: TypeAlias = "Callable[[Visit], Content | Download | Elsewhere]"


@dataclass(frozen=True, slots=True)
class Page:
    """One page."""

    path: str
    """With parameters in braces, such as `/sessions/{session}`."""
    show: Show
    name: str | None = None
    """As the navigation calls it; None: it is not in it."""
    scope: Scope = "attempt"
    """What a visitor's credential must allow."""
    for_operators: bool = False
    """Whether it is shown only to who sees everything."""
    for_one_session: bool = True
    """Whether it is shown to who may see one session only."""

    def refusal(self, visitor: "Visitor") -> str | None:
        """Why there is no such page for a visitor; None if there is."""
        if self.for_operators and not visitor.everything:
            return NOT_YOURS
        return None if self.for_one_session or visitor.session is None else ONE_SESSION
