"""What a plan says of an agent, checked."""

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails

from mlgym_clients.agents.agent import BadOptions


class Options(BaseModel):
    """The root of agents' options: frozen, and none is passed over."""

    model_config = ConfigDict(frozen=True, extra="forbid")


Chosen = TypeVar("Chosen", bound=Options)


def checked(agent: str, options: type[Chosen], given: Mapping[str, Any]) -> Chosen:
    """The options of a kind of agent.

    Raises:
        BadOptions: one is missing, unknown or wrong.
    """
    try:
        return options.model_validate(given)
    except ValidationError as error:
        wrong = "; ".join(_told(one, options) for one in error.errors())
        raise BadOptions(f"options of the agent `{agent}`: {wrong}.") from None


def _told(error: ErrorDetails, options: type[Options]) -> str:
    place = ".".join(str(part) for part in error["loc"])
    if error["type"] == "extra_forbidden" and len(error["loc"]) == 1:
        return f"there is no {place!r}; there are: {', '.join(options.model_fields) or 'none'}"
    if error["type"] == "missing":
        return f"{place!r} is missing"
    return f"{place!r}: {error['msg'].removeprefix('Value error, ')}"
