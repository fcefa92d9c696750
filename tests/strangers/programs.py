"""The programs of others that attempt tasks as agents, each on a model of our own."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mlgym_clients.agents.agent import Agent
from mlgym_clients.agents.registry import make

from tests.strangers import node
from tests.strangers.attempt import ANSWERS, WORDS
from tests.strangers.models.endpoint import Model, Wire
from tests.strangers.models.generate import GENERATE
from tests.strangers.models.messages import MESSAGES
from tests.strangers.models.responses import RESPONSES
from tests.strangers.outside import Outside


@dataclass(frozen=True)
class Stranger:
    """One of them, and what it needs to find the model."""

    kind: str
    command: str
    wire: Wire
    environment: Mapping[str, str]
    """`{url}` is the model's."""
    model: str | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    besides: frozenset[str] = frozenset()
    """Tools that no setting takes away: they read what our server shows, and it has no other."""

    told: Sequence[str] = ANSWERS
    """What its model is shown of the results."""

    def agent(self, model: Model, outside: Outside, **options: Any) -> Agent:
        """It, at work for that model, and with no way to anything else."""
        given = {name: value.format(url=model.url) for name, value in self.environment.items()}
        path = {"PATH": node.environment()["PATH"]}
        return make(
            self.kind,
            {
                "program": node.program(self.command),
                "model": self.model,
                "environment": path | given | outside.variables,
                "settings": _filled(self.settings, model.url),
                **options,
            },
        )


def _filled(settings: Any, url: str) -> Any:
    if isinstance(settings, Mapping):
        return {name: _filled(value, url) for name, value in settings.items()}
    return settings.format(url=url) if isinstance(settings, str) else settings


CLAUDE_CODE = Stranger("claude-code", "claude", MESSAGES, {"ANTHROPIC_API_KEY": "none", "ANTHROPIC_BASE_URL": "{url}"})
CODEX = Stranger(
    "codex",
    "codex",
    RESPONSES,
    {},
    model="gpt-6-sol",
    settings={
        "model_provider": "scripted",
        "model_providers": {"scripted": {"name": "scripted", "base_url": "{url}/v1", "wire_api": "responses"}},
    },
    besides=frozenset({"list_mcp_resources", "list_mcp_resource_templates", "read_mcp_resource"}),
)
GEMINI_CLI = Stranger(
    "gemini-cli",
    "gemini",
    GENERATE,
    {"GEMINI_API_KEY": "none", "GOOGLE_GEMINI_BASE_URL": "{url}"},
    model="gemini-2.5-pro",
    told=WORDS,
)
