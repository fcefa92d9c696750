"""What can be chosen about a program that attempts tasks."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from mlgym_clients.agents.model.options import Prompt
from mlgym_clients.agents.options import Options

PROMPT = """\
Attempt the research task "$title" ($task) with the tools of the MCP server `mlgym`. They work in a sandbox where all
that the task needs lies ready; you have no other tools, and nobody answers questions.

Get something valid early and `validate` it, then improve it, and measure each change. When you can't improve it any
more, or the budget nears its end, `submit` the best version: nothing else counts. Left of the budget: $budget.

$brief
"""


def _named(given: Any) -> Any:
    return dict.fromkeys(given) if isinstance(given, list) else given


Environment = Annotated[Mapping[str, str | None], BeforeValidator(_named)]
"""Variables and their values; null, or a mere list of names: as they are in our environment."""


class ProgramOptions(Options):
    """Of every program."""

    prompt: Prompt = PROMPT
    environment: Environment = Field(default_factory=dict)
    """Variables to pass on or to set, such as `[ANTHROPIC_API_KEY]`. Name keys, don't write them: a run keeps its plan.

    Besides them a program gets where programs are, the locale, proxies and certificates, and nothing else of ours.
    """
    timeout: float | None = Field(default=None, gt=0)
    """Seconds that the program may take."""


class ClientOptions(ProgramOptions):
    """Of the programs whose switches we know."""

    program: str | None = None
    """Its path, or another name."""
    model: str | None = None
    home: Literal["fresh", "own"] = "fresh"
    """`fresh`: a home of its own in the attempt's folder, and API keys from the environment: those that the program
    itself looks for are passed on where they are set.

    `own`: your home, for those who are logged in there. Your settings and other servers are left out; your standing
    instructions and what the program keeps of its sessions may not be.
    """
    settings: Mapping[str, Any] = Field(default_factory=dict)
    """Further settings, as the program's own configuration has them. One by one they win over ours: don't give it back
    the tools that ours take away."""


def merged(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> dict[str, Any]:
    """Settings of which theirs win, table by table."""
    both = {name: merged(ours[name], theirs[name]) for name in ours.keys() & theirs if isinstance(ours[name], Mapping)}
    return {**ours, **theirs, **both}
