"""The Agent Trajectory Interchange Format, version 1.4, and the rules that its models keep."""

from datetime import datetime
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

VERSION = "ATIF-v1.4"
AGENTS_ALONE = ("model_name", "reasoning_effort", "reasoning_content", "tool_calls", "metrics")


def _is_moment(value: str) -> str:
    datetime.fromisoformat(value.replace("Z", "+00:00"))
    return value


class Part(BaseModel):
    """What newer versions add besides is passed over."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class Agent(Part):
    """Who it was."""

    name: str
    version: str
    model_name: str | None = None
    extra: dict[str, Any] | None = None


class ToolCall(Part):
    """One call."""

    tool_call_id: str
    function_name: str
    arguments: dict[str, Any]


class Result(Part):
    """What came of a call, or of something else than a call."""

    source_call_id: str | None = None
    content: str | list[dict[str, Any]] | None = None


class Observation(Part):
    """What came of a step."""

    results: tuple[Result, ...]


class Metrics(Part):
    """What a step used. Prompt tokens include the cached ones."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    cached_tokens: int | None = None
    cost_usd: float | None = None
    extra: dict[str, Any] | None = None


class FinalMetrics(Part):
    """What all steps used."""

    total_prompt_tokens: int | None = None
    total_completion_tokens: int | None = None
    total_cached_tokens: int | None = None
    total_cost_usd: float | None = None
    total_steps: int | None = None
    extra: dict[str, Any] | None = None


class Step(Part):
    """One turn."""

    step_id: int = Field(ge=1)
    timestamp: Annotated[str, AfterValidator(_is_moment)] | None = None
    source: Literal["system", "user", "agent"]
    model_name: str | None = None
    reasoning_effort: str | float | None = None
    message: str | list[dict[str, Any]]
    reasoning_content: str | None = None
    tool_calls: tuple[ToolCall, ...] | None = None
    observation: Observation | None = None
    metrics: Metrics | None = None
    extra: dict[str, Any] | None = None

    @model_validator(mode="after")
    def _agents_alone(self) -> Self:
        found = [name for name in AGENTS_ALONE if getattr(self, name) is not None]
        if self.source != "agent" and found:
            raise ValueError(f"a step of source {self.source!r} has {', '.join(found)}, which are an agent's")
        return self

    @model_validator(mode="after")
    def _results_of_calls(self) -> Self:
        calls = {call.tool_call_id for call in self.tool_calls or ()}
        for result in self.observation.results if self.observation else ():
            if result.source_call_id is not None and result.source_call_id not in calls:
                raise ValueError(f"a result is of the call {result.source_call_id!r}, which its step has not")
        return self


class Document(Part):
    """A whole trajectory."""

    schema_version: str = Field(default=VERSION, pattern=r"^ATIF-v1\.\d+$")
    session_id: str | None = None
    agent: Agent
    steps: tuple[Step, ...] = Field(min_length=1)
    notes: str | None = None
    final_metrics: FinalMetrics | None = None
    extra: dict[str, Any] | None = None

    @model_validator(mode="after")
    def _numbered(self) -> Self:
        for number, step in enumerate(self.steps, 1):
            if step.step_id != number:
                raise ValueError(f"step {number} has the id {step.step_id}; they count from 1")
        return self
