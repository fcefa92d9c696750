"""The record of one grading."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, FiniteFloat, NonNegativeFloat

from mlgym_mcp.tasks.measures import Flavour, Protocol, Scores

Outcome = Literal["scored", "submission_fault", "infrastructure_fault"]
Phase = Literal["validate", "submit"]


class GpuUsage(BaseModel):
    """What a session had of GPUs up to a grading. Memory in bytes, of the device that used most."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    devices: tuple[str, ...]
    """Their names."""
    seconds: NonNegativeFloat
    """Of all devices together."""
    peak_memory: int
    utilisation: float | None
    """From 0 to 1, in the mean; None where it can't be told."""


class Score(BaseModel):
    """What one grading came to, and everything it depends on. Never changed once made."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    task: str
    """The task's id."""
    task_hash: str
    """SHA-256 of the task's folder."""
    phase: Phase
    protocol: Protocol
    flavour: Flavour

    outcome: Outcome
    scores: Scores = {}
    """Metric → value; empty unless scored."""
    standard_error: Scores = {}
    """Metric → standard error, for the metrics that have one."""
    baseline: Scores = {}
    """What `scores` is held against."""
    reward: FiniteFloat | None = None
    """In [-1, 1]; None after an infrastructure fault."""
    upstream_scores: Scores | None = None
    """The artefact on all of the original's examples: these stand beside published scores. After a submit only."""
    upstream_standard_error: Scores | None = None

    fault_code: str | None = None
    """One word for the submission's fault, safe to show after a submit."""
    fault_message: str | None = None
    """What to mend; may quote hidden inputs, so for the agent after a validate only."""

    artefact: str
    """SHA-256 of the tar that was graded."""
    grader_hash: str
    """SHA-256 of the grader."""
    secret_hash: str
    """SHA-256 of the data folder's secret, which the hidden split and the seeds come from."""
    environment: str
    """Digest of the judge's image or environment."""
    backend: str
    network: str
    """What the session's sandbox could reach: `none`, or the hosts."""
    gpus: GpuUsage | None = None
    """None for a session without."""
    branched: bool = False
    """Whether the session began from another's checkpoint, or went back to one: more was tried than its budget says."""
    aids: tuple[str, ...] = ()
    """What the session had beside its sandbox: `memory` of earlier sessions, `literature`."""
    seconds: NonNegativeFloat
    """How long the grading took."""
