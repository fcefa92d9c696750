"""Programs: scripted stand-ins for the runners of judge and contestant."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

from mlgym_mcp.sandbox.fake.refusal import Refused

if TYPE_CHECKING:
    from mlgym_mcp.sandbox.fake.guest import FakeGuest

Received = Callable[[bytes], None]


class Program(Protocol):
    """A scripted program: it is given its input piece by piece, and answers each with what it prints."""

    def __call__(self, data: bytes) -> bytes | None:
        """What the program prints on this input; None: its output ends here."""


StartProgram = Callable[["FakeGuest", Sequence[str], Mapping[str, str]], Program]
"""Gives the program for a sandbox, its arguments and its environment."""


def no_program(_guest: "FakeGuest", argv: Sequence[str], _env: Mapping[str, str]) -> Program:
    """Refuse every program."""
    raise Refused(f"{argv[0]} can't be started: No such file or directory")


class RunningProgram:
    """One started program, and what it printed that nobody took yet."""

    def __init__(self, program: Program) -> None:
        self._program = program
        self._printed = bytearray()
        self._ended = False
        self._receiver: Received | None = None

    def send(self, data: bytes) -> None:
        """Give it input."""
        printed = None if self._ended else self._program(data)
        if printed is None:
            self._ended = True
        else:
            self._printed += printed
        self._deliver()

    def receive(self, received: Received) -> None:
        """Give `received` what it prints next; no bytes at its end."""
        self._receiver = received
        self._deliver()

    def _deliver(self) -> None:
        if self._receiver is not None and (self._printed or self._ended):
            receiver, self._receiver = self._receiver, None
            data = bytes(self._printed)
            self._printed.clear()
            receiver(data)
