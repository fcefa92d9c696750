"""Claude Code on a model of our own."""

from mlgym_clients.agents.programs.claude_code import PATIENT, QUIET

from tests.strangers.models.endpoint import Model


def variables(model: Model) -> dict[str, str]:
    """What has it ask that model, and nobody else about anything."""
    return {
        "ANTHROPIC_API_KEY": "none",
        "ANTHROPIC_BASE_URL": model.url,
        **QUIET,
        **PATIENT,
    }
