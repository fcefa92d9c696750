"""What the referee is asked to score."""

from dataclasses import dataclass
from pathlib import Path

from mlgym_mcp.scoring.score import Phase
from mlgym_mcp.tasks.measures import Protocol
from mlgym_mcp.tasks.prepared import PreparedTask
from mlgym_mcp.tasks.spec import TaskSpec


@dataclass(frozen=True, slots=True)
class ArtefactRef:
    """A packed submission, kept on the host under its hash. Size in bytes."""

    sha256: str
    path: Path
    size: int


@dataclass(frozen=True, slots=True)
class ScoreRequest:
    """One artefact to score once, for one session."""

    task: TaskSpec
    prepared: PreparedTask
    artefact: ArtefactRef
    phase: Phase
    protocol: Protocol
    session_id: str
    """Seeds derive from it, so the same artefact scores the same within a session. Secret: never log it."""
