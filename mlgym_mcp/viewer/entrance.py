"""The entrance: who looks, told by what it shows."""

from typing import Protocol

from starlette.requests import HTTPConnection

from mlgym_mcp.viewer.visitor import Visitor


class Entrance(Protocol):
    """Knows visitors by what they show."""

    question: str
    """What somebody who is not known is told."""
    asks: bool
    """Whether a token can be typed in."""

    async def visitor(self, request: HTTPConnection) -> Visitor:
        """Who sends a request.

        Raises:
            Refused: it is not let in.
        """

    async def admit(self, request: HTTPConnection, shown: str) -> str:
        """What the cookie of somebody is to hold who shows this.

        Raises:
            Refused: it is not let in.
        """
