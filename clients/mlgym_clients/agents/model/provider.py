"""The model that options name, as pydantic-ai has it, and the settings it is asked with."""

import os
from typing import Any, cast

from pydantic_ai.exceptions import UserError
from pydantic_ai.models import Model, infer_model, parse_model_id
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers import infer_provider_class
from pydantic_ai.providers.openai_compatible import OpenAICompatibleProvider
from pydantic_ai.settings import ModelSettings

from mlgym_clients.agents.agent import BadOptions
from mlgym_clients.agents.model.options import ModelOptions

COMPATIBLE = "openai-compatible"


def model_of(options: ModelOptions) -> Model:
    """The model, ready to be asked.

    Raises:
        BadOptions: there is no such provider, it wants a key that is not there, or its library is not installed.
    """
    given = {"base_url": options.base_url, "api_key": _key(options.api_key_env)}
    given = {name: value for name, value in given.items() if value is not None}
    provider, name = parse_model_id(options.model)
    try:
        if options.base_url is not None and provider in (None, COMPATIBLE):
            return OpenAIChatModel(name, provider=OpenAICompatibleProvider(COMPATIBLE, **cast(Any, given)))
        if not given:
            return infer_model(options.model)
        return infer_model(options.model, lambda kind: cast(Any, infer_provider_class(kind))(**given))
    except (UserError, ImportError, TypeError, ValueError) as error:
        raise BadOptions(f"options of the agent `model`: 'model', {options.model!r}: {error}") from None


def settings_of(options: ModelOptions) -> ModelSettings:
    """How the model is asked each time."""
    named = {
        "temperature": options.temperature,
        "top_p": options.top_p,
        "max_tokens": options.max_tokens,
        "thinking": options.thinking,
        "max_retries": options.retries,
        "cache": True,
    }
    chosen = {name: value for name, value in named.items() if value is not None} | options.settings
    return cast(ModelSettings, chosen)


def _key(variable: str | None) -> str | None:
    if variable is None:
        return None
    key = os.environ.get(variable)  # noqa: TID251 - a key's place is the environment, and the options name it
    if not key:
        raise BadOptions(f"options of the agent `model`: 'api_key_env': the environment has no {variable}.")
    return key
