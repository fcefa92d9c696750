"""What a client is to connect to."""

from dataclasses import dataclass


class CannotConnect(Exception):
    """Raised where a configuration can't be made or changed; says why, and what to do."""


@dataclass(frozen=True)
class Command:
    """A server that the client starts."""

    program: str
    """Its full path: clients don't have everybody's `PATH`."""
    arguments: tuple[str, ...]


@dataclass(frozen=True)
class Address:
    """A server that runs already."""

    url: str
    token: str | None = None
    """The environment variable with its token."""


Server = Command | Address
