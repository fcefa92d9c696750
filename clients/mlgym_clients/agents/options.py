"""What a plan says of an agent, checked."""

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails

from mlgym_clients.agents.agent import BadOptions


class Options(BaseModel):
    """The root of agents' options: frozen, and none is passed over."""

    model_config = ConfigDict(frozen=True, extra="forbid")


Kind = TypeVar("Kind", bound=Options)


def checked(kind: type[Kind], given: Mapping[str, Any]) -> Kind:
    """The options of a kind of agent.

    Raises:
        BadOptions: one is missing, unknown or wrong.
    """
    try:
        return kind.model_validate(given)
    except ValidationError as error:
        raise BadOptions("; ".join(_told(one, kind) for one in error.errors())) from None


def _told(error: ErrorDetails, kind: type[Options]) -> str:
    place = ".".join(str(part) for part in error["loc"])
    if error["type"] == "extra_forbidden" and len(error["loc"]) == 1:
        return f"there is no option {place!r}; there are: {', '.join(kind.model_fields)}"
    if error["type"] == "missing":
        return f"option {place!r} is missing"
    return f"option {place!r}: {error['msg'].removeprefix('Value error, ')}"
