"""The kind `model`: any model of any provider, whose only hands are its session's tools."""

from collections.abc import Mapping
from typing import Any

from mlgym_clients.agents.agent import Agent, BadOptions
from mlgym_clients.agents.model.options import ModelOptions
from mlgym_clients.agents.options import checked


def make(options: Mapping[str, Any]) -> Agent:
    """An agent that asks a model.

    Raises:
        BadOptions: an option is wrong, the provider wants a key that is not there, or its library is not installed.
    """
    chosen = checked("model", ModelOptions, options)
    try:
        from mlgym_clients.agents.model.agent import ModelAgent
        from mlgym_clients.agents.model.provider import model_of
    except ImportError as error:
        raise BadOptions(f"the agent `model` needs: pip install 'mlgym-mcp[model]' ({error})") from None
    return ModelAgent(chosen, model_of(chosen))
