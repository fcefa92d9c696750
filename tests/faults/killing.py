"""Servers that something befalls at a named point: the real command line, in a process of its own.

Nothing in the product knows of it. A process that has imported everything forks each server, which wraps one function
of the product, and then runs `mlgym-mcp serve`. What is killed or cut there is real: the server itself, the stream to a
guest, or a sandbox.
"""

import ctypes
import importlib
import inspect
import json
import multiprocessing
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NoReturn

from anyio import EndOfStream

When = Literal["before", "after", "half sent", "half received", "half stored"]
Victim = Literal["server", "stream", "sandbox"]

HEAVY = ("mlgym_mcp.cli", "mlgym_mcp.server", "mlgym_mcp.services", "mlgym_mcp.web", "mlgym_mcp.sandbox.bubblewrap")
FORKING = multiprocessing.get_context("forkserver")
FORKING.set_forkserver_preload([__name__, *HEAVY, "mlgym_mcp.sandbox.docker_backend", "mlgym_mcp.literature"])


@dataclass(frozen=True)
class Moment:
    """When it happens: at a call of a function, told by what it is called with."""

    at: str
    """`module:Class.function`"""
    when: When
    only: tuple[str, ...] = ()
    """Expressions that all must be found in what the call's arguments show."""
    time: int = 1
    """At which of these calls."""
    victim: Victim = "server"
    """What is killed or cut; of sandboxes it is the youngest."""


@dataclass(frozen=True)
class Scene:
    """What one server's life is like."""

    moment: Moment | None = None
    ahead: float = 0.0
    """Seconds by which its clock is ahead of the machine's, as if so much time had passed."""


def serve(arguments: Sequence[str], environment: Mapping[str, str], log: Path, scene: Scene) -> None:
    """Be a server; its words go to a file."""
    os.environ.clear()
    os.environ.update(environment)
    os.chdir("/")
    words = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    for stream in (1, 2):
        os.dup2(words, stream)
    if scene.moment is not None:
        arm(scene.moment)
    if scene.ahead:
        clock = importlib.import_module("mlgym_mcp.sessions.clock").SystemClock
        clock.now = lambda _: time.time() + scene.ahead
    if "NVML" in os.environ:
        ctypes.CDLL(os.environ["NVML"])  # which is the one that is found by its name from now on
    sys.argv = ["mlgym-mcp", *arguments]
    from mlgym_mcp.cli import main

    main()


def arm(moment: Moment) -> None:
    """Have it happen at that moment."""
    module, _, path = moment.at.partition(":")
    *classes, name = path.split(".")
    holder: Any = importlib.import_module(module)
    for part in classes:
        holder = getattr(holder, part)
    setattr(holder, name, _armed(getattr(holder, name), moment))


def _armed(function: Callable[..., Any], moment: Moment) -> Callable[..., Any]:
    calls = 0

    def is_it(*args: Any, **kwargs: Any) -> bool:
        nonlocal calls
        shown = repr((args, kwargs))
        meant = all(re.search(part, shown) for part in moment.only)
        calls += meant
        return meant and calls == moment.time

    if not inspect.iscoroutinefunction(function):

        def called(*args: Any, **kwargs: Any) -> Any:
            if not is_it(*args, **kwargs):
                return function(*args, **kwargs)
            if moment.when == "after":
                function(*args, **kwargs)
            return _die()

        return called

    async def awaited(*args: Any, **kwargs: Any) -> Any:
        if not is_it(*args, **kwargs):
            return await function(*args, **kwargs)
        return await FATES[moment.victim](moment.when, function, *args, **kwargs)

    return awaited


async def _kill_server(when: When, function: Callable[..., Any], *args: Any, **kwargs: Any) -> NoReturn:
    await LAST_DEEDS[when](function, *args, **kwargs)
    _die()


async def _kill_sandbox(when: When, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    if when == "before":
        kill_youngest(Path(os.environ["MLGYM_MCP_DATA_DIR"]))
        return await function(*args, **kwargs)
    result = await function(*args, **kwargs)
    kill_youngest(Path(os.environ["MLGYM_MCP_DATA_DIR"]))
    return result


async def _cut_stream(when: When, function: Callable[..., Any], holder: Any, piece: Any) -> Any:
    await LAST_DEEDS[when](function, holder, piece)
    if when == "half received":
        raise EndOfStream
    await holder.aclose()
    return await function(holder, piece)


def kill_youngest(data: Path) -> None:
    """Kill the sandbox that was started last, as somebody else on the machine may."""
    youngest = max(data.glob("sandboxes/*"), key=lambda folder: folder.stat().st_mtime)
    backend, _, sandbox = youngest.name.partition("-")
    if backend == "docker":
        subprocess.run(["docker", "kill", f"mlgym-mcp-{sandbox}"], check=True, capture_output=True)
    else:
        os.kill(json.loads((youngest / "process.json").read_text())["pid"], signal.SIGKILL)


def _die() -> NoReturn:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError


async def _nothing(function: Callable[..., Any], *args: Any, **kwargs: Any) -> None:
    """Before it is done."""


async def _all(function: Callable[..., Any], *args: Any, **kwargs: Any) -> None:
    await function(*args, **kwargs)


async def _half_sent(function: Callable[..., Any], stream: Any, frame: bytes) -> None:
    await function(stream, frame[: len(frame) // 2])


async def _half_received(function: Callable[..., Any], receiver: Any, size: int) -> None:
    await receiver._receive()


async def _half_stored(function: Callable[..., Any], folder: Any, chunks: AsyncIterator[bytes]) -> None:
    async def first() -> AsyncIterator[bytes]:
        async for chunk in chunks:
            yield chunk
            _die()

    await function(folder, first())


LAST_DEEDS: dict[When, Callable[..., Awaitable[None]]] = {
    "before": _nothing,
    "after": _all,
    "half sent": _half_sent,
    "half received": _half_received,
    "half stored": _half_stored,
}

FATES: dict[Victim, Callable[..., Awaitable[Any]]] = {
    "server": _kill_server,
    "stream": _cut_stream,
    "sandbox": _kill_sandbox,
}
