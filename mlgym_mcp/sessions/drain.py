"""The drain: a server that is told to end takes no new sessions, and waits a while for what is going on."""

from collections.abc import Iterator
from contextlib import contextmanager

import anyio

from mlgym_mcp.errors import CallerError

DRAINING = "This server is being stopped and takes no new sessions; call `start` again in a minute, or on another."


class Drain:
    """Whether a server is about to end, and what it waits for: calls that are not answered, artefacts being scored."""

    def __init__(self) -> None:
        self._begun = False
        self._ended = False
        self._going_on = 0
        self._quiet = anyio.Event()

    @property
    def begun(self) -> bool:
        """Whether it takes no new sessions any more."""
        return self._begun

    @property
    def ended(self) -> bool:
        """Whether nothing is waited for any more: whoever only watches is let go."""
        return self._ended

    @property
    def going_on(self) -> int:
        """How many calls and scorings are not over."""
        return self._going_on

    @contextmanager
    def waits(self) -> Iterator[None]:
        """Have the end wait for the block."""
        self._going_on += 1
        try:
            yield
        finally:
            self._going_on -= 1
            if self._begun and not self._going_on:
                self._quiet.set()

    def end(self) -> None:
        """Wait for nothing any more."""
        self._ended = True

    def require_open(self) -> None:
        """Refuse a new session.

        Raises:
            CallerError: the server is about to end.
        """
        if self._begun:
            raise CallerError(DRAINING)

    async def run(self) -> None:
        """Take no new sessions from now on; returns once nothing goes on."""
        self._begun = True
        if self._going_on:
            await self._quiet.wait()
