"""What a guest answers, checked for its shape. It is data of the sandbox: bounded, and not believed."""

import math
from dataclasses import dataclass

from mlgym_mcp.errors import SandboxGone
from mlgym_mcp.sandbox.base import CommandResult
from mlgym_mcp.sandbox.frames import Header, plain_text

NONSENSE = "the sandbox's guest answers what it should not"


@dataclass(frozen=True, slots=True)
class JobInfo:
    """One line about a job. Sizes in bytes."""

    job: str
    command: str
    running: bool
    exit_code: int | None
    seconds: float
    size: int


def integer(reply: Header, name: str) -> int:
    """A field that must be an integer.

    Raises:
        SandboxGone: it is none.
    """
    value = small(reply.get(name))
    if value is None:
        raise SandboxGone(NONSENSE)
    return value


def small(value: object) -> int | None:
    """An integer that fits wherever it goes from here, records included; None for anything else."""
    return value if type(value) is int and abs(value) < 2**53 else None


def _seconds(value: object) -> float:
    number = small(value) if isinstance(value, int) else value
    return float(number) if isinstance(number, int | float) and math.isfinite(number) else 0.0


def command_result(reply: Header, output: bytes) -> CommandResult:
    """What a reply says of a command."""
    head = max(0, integer(reply, "head"))
    return CommandResult(
        job=plain_text(reply.get("job"), 16),
        running=reply.get("running") is True,
        exit_code=small(reply.get("exit")),
        head=output[:head],
        tail=output[head:],
        omitted=max(0, integer(reply, "omitted")),
        size=max(0, integer(reply, "size")),
        output_path=plain_text(reply.get("path"), 200),
        seconds=_seconds(reply.get("seconds")),
        stopped=plain_text(reply.get("stopped"), 40) or None,
        cwd=plain_text(reply.get("cwd"), 4096),
        shell_lost=reply.get("shell_lost") is True,
    )


def job_info(item: Header) -> JobInfo:
    """What one entry of a list says of a job."""
    return JobInfo(
        job=plain_text(item.get("job"), 16),
        command=plain_text(item.get("command"), 200),
        running=item.get("running") is True,
        exit_code=small(item.get("exit")),
        seconds=_seconds(item.get("seconds")),
        size=small(item.get("size")) or 0,
    )
