"""One attempt of one agent at one task, and the numbers it came to."""

from typing import Literal, NamedTuple

from pydantic import Field

from mlgym_clients.records.record import Record
from mlgym_clients.records.task import Flavour, Protocol

Outcome = Literal["scored", "submission_fault", "infrastructure_fault"]
State = Literal["running", "finished", "failed"]
"""`failed`: through faults of the infrastructure alone, as often as the run tries again."""
Limit = Literal["steps", "wall_time", "tokens", "cost"]


class AttemptKey(NamedTuple):
    """Which attempt of a run; numbers count from 1."""

    task: str
    agent: str
    number: int

    def __str__(self) -> str:
        return f"{self.task}/{self.agent}/{self.number}"


class Usage(Record):
    """What an agent's model used. Sums with `+`."""

    requests: int = 0
    input_tokens: int = 0
    """Those read from a cache included."""
    cached_tokens: int = 0
    output_tokens: int = 0
    cost: float | None = None
    """US dollars; None where nobody told."""

    def __add__(self, other: "Usage") -> "Usage":
        costs = [cost for cost in (self.cost, other.cost) if cost is not None]
        return Usage(
            requests=self.requests + other.requests,
            input_tokens=self.input_tokens + other.input_tokens,
            cached_tokens=self.cached_tokens + other.cached_tokens,
            output_tokens=self.output_tokens + other.output_tokens,
            cost=sum(costs) if costs else None,
        )

    @property
    def tokens(self) -> int:
        """All tokens, in and out."""
        return self.input_tokens + self.output_tokens


class Measure(Record):
    """An artefact's verdict, from `validate`, from `submit`, or asked for by the harness after the end."""

    phase: Literal["validate", "submit"]
    outcome: Outcome
    step: int = 0
    """Steps charged by then, its own included."""
    at: float = 0.0
    """Seconds since the attempt began."""
    artefact: str | None = None
    """The hash of its bytes."""
    scores: dict[str, float] = Field(default_factory=dict)
    standard_error: dict[str, float] = Field(default_factory=dict)
    upstream_scores: dict[str, float] | None = None
    upstream_standard_error: dict[str, float] | None = None
    baseline: dict[str, float] = Field(default_factory=dict)
    reward: float | None = None
    fault: str | None = None


class Attempt(Record):
    """One attempt. Times in seconds since 1970, durations in seconds."""

    task: str
    agent: str
    number: int
    state: State = "running"
    tries: int = 1
    """The one that counts included; each before it ended by a fault of the infrastructure."""
    session: str | None = None
    """The handle of the try that counts."""
    flavour: Flavour | None = None
    protocol: Protocol = "strict"
    began_at: float = 0.0
    ended_at: float | None = None
    exit_status: str = ""
    """In MLGym's words: `submitted`, `autosubmission (max_steps)`, …"""
    limit: Limit | None = None
    """The limit that cut it off."""
    steps: int = 0
    seconds: float = 0.0
    usage: Usage = Usage()
    actions: dict[str, int] = Field(default_factory=dict)
    """How often each tool was called with effect: `bash`, `edit`, `job`, `validate`, `submit`."""
    measures: tuple[Measure, ...] = ()
    """Every verdict, in the order in which they came."""
    best: Measure | None = None
    """The artefact best by `validate`, scored as `submit` scores: what counts as the attempt's best.

    Under the protocol `mlgym`, where `validate` sees what `submit` sees: the best of all measures.
    """
    branched: bool = False
    detail: str | None = None
    """What the agent or the harness said of its end, when something went wrong."""

    @property
    def key(self) -> AttemptKey:
        """Which attempt this is."""
        return AttemptKey(self.task, self.agent, self.number)

    @property
    def submission(self) -> Measure | None:
        """The verdict on what was submitted; None where nothing was, or it has none."""
        scored = [one for one in self.measures if one.phase == "submit" and one.outcome != "infrastructure_fault"]
        return scored[-1] if scored else None
