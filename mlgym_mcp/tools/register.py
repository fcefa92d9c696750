"""Which tools a server offers, and what clients are told about each."""

import inspect
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from mcp.server import MCPServer
from mcp.types import CallToolResult, ToolAnnotations

from mlgym_mcp.sessions.principal import Scope
from mlgym_mcp.tools.app import SHOWN_BY
from mlgym_mcp.tools.catalogue import CatalogueTools
from mlgym_mcp.tools.checkpoints import CheckpointTools
from mlgym_mcp.tools.desk import Desk
from mlgym_mcp.tools.evaluation import EvaluationTools
from mlgym_mcp.tools.literature import LiteratureTools
from mlgym_mcp.tools.memory import MemoryTools
from mlgym_mcp.tools.reply import answered
from mlgym_mcp.tools.scoring import ScoringTools
from mlgym_mcp.tools.sessions import SessionTools
from mlgym_mcp.tools.work import WorkTools


@dataclass(frozen=True, slots=True)
class Offer:
    """One tool. Nothing is destructive: a sandbox holds all that tools do."""

    title: str
    tool: Callable[..., Awaitable[CallToolResult]]
    reads_only: bool = False
    idempotent: bool = False
    structured: bool = True
    open_world: bool = False
    """Whether what it runs may reach hosts, as some tasks' sandboxes may."""
    within: bool = True
    """Whether it is of use within one session, and so offered where there is no other."""
    scope: Scope = "attempt"
    """What a caller needs to use it; all are shown it."""
    counted: bool = True
    """Whether it counts as a call of its own."""
    app: bool = False
    """Whether a client that can shows its answers in a window of their own."""


def add_tools(server: MCPServer[Any], desk: Desk) -> frozenset[str]:
    """Give a server its tools: all, or those that its one session needs; their names. Their list never changes."""
    offers = [offer for offer in _offers(desk) if offer.within or not desk.one_session]
    for offer in offers:
        server.add_tool(
            answered(desk.guard.guarded(offer.scope, counted=offer.counted)(offer.tool)),
            title=offer.title,
            description=inspect.getdoc(offer.tool),
            annotations=_annotations(offer),
            structured_output=offer.structured,
            meta=SHOWN_BY if offer.app else None,
        )
    return frozenset(offer.tool.__name__ for offer in offers)


def _offers(desk: Desk) -> list[Offer]:
    catalogue, sessions, work, scoring = CatalogueTools(desk), SessionTools(desk), WorkTools(desk), ScoringTools(desk)
    optional = [offer for group in GROUPS if group in desk.groups for offer in GROUPS[group](desk)]
    return [
        Offer("List tasks", catalogue.list_tasks, reads_only=True, idempotent=True, within=False, scope="read"),
        Offer("Start a session", sessions.start, within=False),
        Offer("Run a command", work.bash, structured=False, open_world=desk.open_world),
        Offer("View or change a file", work.edit, structured=False),
        Offer("Follow a job", work.job, structured=False, open_world=desk.open_world),
        Offer("Score without submitting", scoring.validate, app=True),
        Offer("Submit", scoring.submit, idempotent=True, app=True),
        Offer("Show a session", sessions.status, reads_only=True, idempotent=True, app=True),
        Offer("End a session", sessions.end, idempotent=True, within=False),
        Offer(
            "Read a resource",
            catalogue.read,
            reads_only=True,
            idempotent=True,
            structured=False,
            scope="read",
            counted=False,  # the resource counts itself
        ),
        *optional,
    ]


def _checkpoints(desk: Desk) -> list[Offer]:
    tools = CheckpointTools(desk)
    return [
        Offer("Keep a checkpoint", tools.checkpoint),
        Offer("Go back to a checkpoint", tools.restore),
        Offer("Fork a session", tools.fork, within=False),
    ]


def _evaluation(desk: Desk) -> list[Offer]:
    tools = EvaluationTools(desk)
    return [
        Offer("End an agent's session", tools.cut_off, idempotent=True, within=False, scope="evaluate"),
        Offer("Score what validated best", tools.score_best, idempotent=True, within=False, scope="evaluate"),
        Offer("Give a token for one session", tools.run_token, within=False, scope="evaluate"),
    ]


def _memory(desk: Desk) -> list[Offer]:
    tools = MemoryTools(desk)
    return [
        Offer("Keep a note", tools.memory_write, structured=False),
        Offer("Read notes", tools.memory_read, reads_only=True, structured=False),
    ]


def _literature(desk: Desk) -> list[Offer]:
    tools = LiteratureTools(desk)
    return [
        Offer("Search papers", tools.search_papers, reads_only=True, structured=False, open_world=True),
        Offer("Read a paper", tools.read_paper, reads_only=True, structured=False, open_world=True),
    ]


GROUPS: dict[str, Callable[[Desk], list[Offer]]] = {
    "checkpoints": _checkpoints,
    "evaluation": _evaluation,
    "memory": _memory,
    "literature": _literature,
}
"""The optional groups, in the order in which their tools are listed."""


def _annotations(offer: Offer) -> ToolAnnotations:
    return ToolAnnotations(
        title=offer.title,
        read_only_hint=offer.reads_only,
        destructive_hint=False,
        idempotent_hint=offer.idempotent,
        open_world_hint=offer.open_world,
    )
