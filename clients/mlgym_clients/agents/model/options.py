"""What can be chosen about a model that attempts tasks."""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from mlgym_clients.agents.model import prompts
from mlgym_clients.agents.options import Options


def _read(given: Any) -> Any:
    match given:
        case {"file": str(name), **others} if not others:
            try:
                return Path(name).read_text(encoding="utf-8")
            except (OSError, UnicodeDecodeError) as error:
                raise ValueError(f"{name} can't be read: {error}") from None
    return given


Prompt = Annotated[str, BeforeValidator(_read), AfterValidator(prompts.checked)]
"""A template, or `{file: prompt.md}`."""


class Prices(Options):
    """What a model costs, in US dollars for a million tokens."""

    input: float = Field(ge=0)
    output: float = Field(ge=0)
    cached: float | None = Field(default=None, ge=0)
    """Of input that was read from a cache; as other input where left out."""


class ModelOptions(Options):
    """A model, how it is asked, and what it is shown. The defaults are MLGym's where it has such a thing."""

    model: str = Field(min_length=1)
    """`provider:name`, such as `openai:…`, `anthropic:…` or `ollama:…`; with `base_url` the name alone will do."""
    base_url: str | None = None
    """Where the provider is reached; with a name alone, an API that is like OpenAI's."""
    api_key_env: str | None = None
    """The environment variable with the key; left out: the provider's own, as `OPENAI_API_KEY`."""

    temperature: float | None = Field(default=0.0, ge=0)
    top_p: float | None = Field(default=0.95, gt=0, le=1)
    """Null leaves a setting out; some models take only one of the two, or none."""
    max_tokens: int | None = Field(default=None, ge=1)
    """Of one answer."""
    thinking: bool | Literal["minimal", "low", "medium", "high", "xhigh", "max"] | None = None
    """Whether the model is to think first, and how hard; null: as the provider does."""
    settings: dict[str, Any] = Field(default_factory=dict)
    """Whatever else pydantic-ai's `ModelSettings` has, such as `extra_body`."""

    system_prompt: Prompt = prompts.SYSTEM
    first_message: Prompt = prompts.FIRST
    nudge: Prompt = prompts.NUDGE

    history: int | None = Field(default=5, ge=1)
    """So many of the last turns' outputs are shown in full, at least; null: all."""
    history_batch: int = Field(default=5, ge=1)
    """So many turns' outputs are left out at once: what was sent before stays as it was for as many requests, and a
    provider's cache is of use. 1 is exactly what MLGym does."""

    retries: int = Field(default=10, ge=0)
    """How often a request is made again that the provider was too busy for, or that was lost on the way."""
    format_errors: int = Field(default=3, ge=1)
    """So many turns in a row with no call that could be made end the attempt."""
    nudges: int = Field(default=1, ge=0)
    """How often in an attempt a model that calls no tool is told to go on."""
    prices: Prices | None = None
    """For models whose prices nobody knows."""
