"""A server over HTTP: one that runs somewhere, or one of our own that ends with us."""

import os
import secrets
import subprocess
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import anyio
import httpx2
from anyio.abc import Process
from anyio.streams.buffered import BufferedByteReceiveStream
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

TOKEN = "MLGYM_MCP_TOKEN"
"""The variable in which a server is given what its callers must show."""
LONGEST_LINE = 1000
PATIENCE = httpx2.Timeout(30, read=300)
"""No call waits longer than 50 s for its work; progress may be silent for longer on a busy machine."""
END_GRACE = 10.0
"""Seconds in which a server that was told to end does so; what runs in sandboxes is ended by their leases."""


class ServerFailed(Exception):
    """Raised when a server of our own can't be started; says what it said last."""


@dataclass(frozen=True)
class Server:
    """Where a server is, and what to show it."""

    url: str
    """Without a path: `http://127.0.0.1:8765`."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Sent with each request, such as `Authorization`."""

    def __repr__(self) -> str:
        return f"Server({self.url!r})"

    def endpoint(self, session: str | None = None) -> str:
        """The MCP endpoint of everything, or of one session alone."""
        return f"{self.url}/s/{session}/mcp" if session else f"{self.url}/mcp"

    @asynccontextmanager
    async def connect(self, session: str | None = None) -> AsyncIterator[Client]:
        """A client of everything, or of one session alone."""
        # Reading the machine's certificates takes longer than all the rest, and is of use with TLS alone.
        verify = self.url.startswith("https:")
        async with httpx2.AsyncClient(headers=dict(self.headers), timeout=PATIENCE, verify=verify) as http:
            async with Client(streamable_http_client(self.endpoint(session), http_client=http)) as client:
                yield client


def bearer(token: str) -> dict[str, str]:
    """The header that shows a token."""
    return {"Authorization": f"Bearer {token}"}


@asynccontextmanager
async def started(command: Sequence[str], log: Path) -> AsyncIterator[Server]:
    """A server of our own, on any free port of this machine, while the block runs. Nobody uses it but by our token.

    It ends with us, however we end: by the end of its standard input, which we hold. It has a process group of its own,
    so that a Ctrl-C at the terminal reaches us alone, who still need it to end sessions.

    Args:
        command: What starts `mlgym-mcp`, and options of `serve` after it.
        log: The file that its log is added to.

    Raises:
        ServerFailed: it ended before it served.
    """
    whole = [*command, "--http", "--port", "0", "--end-with-stdin"]
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as file:
        process = await anyio.open_process(
            whole,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=file,
            env={**os.environ, TOKEN: (token := secrets.token_urlsafe(32))},  # noqa: TID251 - ours is passed on
            start_new_session=True,
        )
    try:
        yield Server(await _address(process, log), bearer(token))
    finally:
        await _end(process)


async def _address(process: Process, log: Path) -> str:
    """The one line that the server prints when it is ready."""
    assert process.stdout is not None
    try:
        line = await BufferedByteReceiveStream(process.stdout).receive_until(b"\n", LONGEST_LINE)
    except (anyio.EndOfStream, anyio.IncompleteRead):
        raise ServerFailed(f"the server did not start: {_last_line(log)} ({log})") from None
    return line.decode().removesuffix("/mcp")


def _last_line(log: Path) -> str:
    lines = log.read_text("utf-8", "replace").strip().splitlines()
    if lines and lines[-1].startswith("╰"):  # what is wrong with its options stands in a frame
        framed = lines[max(number for number, line in enumerate(lines) if line.startswith("╭")) + 1 : -1]
        return " ".join(line.strip("│ ") for line in framed)
    return lines[-1] if lines else "it said nothing"


async def _end(process: Process) -> None:
    with anyio.CancelScope(shield=True):
        if process.returncode is None:
            if process.stdin is not None:
                await process.stdin.aclose()
            with anyio.move_on_after(END_GRACE):
                await process.wait()
            if process.returncode is None:
                process.kill()
        await process.aclose()
