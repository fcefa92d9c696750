"""What a session's sandbox may reach: nothing, or the hosts that its task names."""

import re
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, WithJsonSchema, model_serializer

from mlgym_mcp.tasks.measures import Part

PORTS = (80, 443)
"""What a host without a port may be reached at."""
_LABEL = "[a-z0-9]([a-z0-9-]*[a-z0-9])?"
_HOST = re.compile(rf"(\*\.{_LABEL}\.)?{_LABEL}(\.{_LABEL})*(:[1-9][0-9]{{0,4}})?")


def _host(value: str) -> str:
    if not _HOST.fullmatch(value):
        raise ValueError(
            f"{value!r} is not a host such as example.org, *.example.org (all below it) or example.org:8080; "
            "lower-case letters, no scheme and no path"
        )
    return value


Host = Annotated[str, AfterValidator(_host)]


class Network(Part):
    """The hosts that may be reached; none by default."""

    allow: tuple[Host, ...] = ()

    def permits(self, host: str, port: int) -> bool:
        """Whether a host may be reached at a port."""
        return any(_matches(entry, host.lower().rstrip("."), port) for entry in self.allow)

    def __str__(self) -> str:
        return ", ".join(self.allow) or "none"

    @model_serializer
    def _as_written(self) -> str | dict[str, Any]:
        return {"allow": list(self.allow)} if self.allow else "none"


def _matches(entry: str, host: str, port: int) -> bool:
    name, _, only = entry.partition(":")
    named = host.endswith(name[1:]) if name.startswith("*") else host == name
    return named and (port == int(only) if only else port in PORTS)


def _parse(value: object) -> object:
    if value == "none":
        return {}
    if isinstance(value, Network) or (isinstance(value, Mapping) and value.get("allow")):
        return value
    raise ValueError("`none`, or `allow` with a list of hosts, is expected")


_SCHEMA = {
    "anyOf": [
        {"const": "none"},
        {
            "type": "object",
            "properties": {
                "allow": {"type": "array", "minItems": 1, "items": {"type": "string", "pattern": f"^{_HOST.pattern}$"}}
            },
            "required": ["allow"],
            "additionalProperties": False,
        },
    ]
}
Reach = Annotated[Network, BeforeValidator(_parse), WithJsonSchema(_SCHEMA)]
