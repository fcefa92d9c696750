"""What the referee is asked to score."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mlgym_mcp.sandbox.base import Limits
from mlgym_mcp.sandbox.gpus import Gpu
from mlgym_mcp.scoring.score import GpuUsage, Phase
from mlgym_mcp.tasks.measures import Protocol
from mlgym_mcp.tasks.prepared import PreparedTask
from mlgym_mcp.tasks.spec import TaskSpec

Counted = Callable[[Limits], AbstractContextManager[None]]
"""Entered with a sandbox's limits, and left when that is gone."""


def uncounted(_: Limits) -> AbstractContextManager[None]:
    """Nobody counts."""
    return nullcontext()


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
    gpus: tuple[Gpu, ...] = ()
    """The session's devices, which judge and contestants use, too."""
    gpu_usage: GpuUsage | None = None
    place: str = ""
    """Where on a cluster the session is, and its judge and contestants go."""
    branched: bool = False
    """Whether the session goes back to a checkpoint."""
    aids: tuple[str, ...] = ()
    """What the session has beside its sandbox."""
    counted: Counted = field(default=uncounted, repr=False, compare=False)
    """Counts each judge and contestant as long as it runs."""

    def identity(self, *, secret_hash: str, backend: str) -> dict[str, Any]:
        """The fields of a Score that don't depend on what comes of the grading."""
        return {
            "task": self.task.id,
            "task_hash": self.task.content_hash,
            "phase": self.phase,
            "protocol": self.protocol,
            "flavour": self.prepared.flavour,
            "baseline": self.task.baselines.of(self.prepared.flavour, self.protocol),
            "artefact": self.artefact.sha256,
            "grader_hash": self.task.grader_hash,
            "secret_hash": secret_hash,
            "environment": self.prepared.digest,
            "backend": backend,
            "network": str(self.task.resources.network),
            "gpus": self.gpu_usage,
            "branched": self.branched,
            "aids": self.aids,
        }
