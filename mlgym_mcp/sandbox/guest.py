"""What can be asked of a sandbox, typed: the guest's operations as methods.

Every method raises `CommandRefused` when the guest says no (nothing was changed then) and `SandboxGone` when the
sandbox can't be reached. What comes back is data of the sandbox: bounded, checked for its shape, and not believed.
"""

import json
import secrets
from collections.abc import AsyncIterable, AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import anyio
from anyio.abc import TaskGroup

from mlgym_mcp.errors import CommandRefused, InvalidSubmission, SandboxGone
from mlgym_mcp.sandbox.answers import NONSENSE, JobInfo, command_result, integer, job_info
from mlgym_mcp.sandbox.base import Backend, CommandResult
from mlgym_mcp.sandbox.channel import Channel
from mlgym_mcp.sandbox.frames import CHUNK, MAX_BODY, Header, plain_text
from mlgym_mcp.sandbox.link import Link

KILL_WAIT = 10.0
"""Seconds to wait for a killed job to end: longer than the guest's own grace before it forces."""
END_WAIT = 5.0
"""Seconds that a sandbox may take to be gone after its stream: process 1 outlives its descriptors and its children."""
END_LOOK = 0.05
MAX_COMMAND = 1024 * 1024
MAX_JOBS = 100
MAX_PATH = 4096
MAX_PACKED_FILES = 10_000
PER_PACKED_FILE = 4096
"""Bytes of headers and padding that one file may add to a pack."""


@dataclass(frozen=True, slots=True)
class FileView:
    """A file or folder, as `view` shows it: numbered lines, entries, or an image's bytes."""

    kind: Literal["text", "folder", "png", "jpeg"]
    data: bytes
    total_lines: int
    truncated: bool


@dataclass(frozen=True, slots=True)
class Carried:
    """What one shell hands on to the next: its directory, and its exported variables as bash writes them."""

    cwd: str
    exports: bytes


class Guest:
    """The guest of one sandbox."""

    def __init__(self, task_group: TaskGroup, backend: Backend, sandbox_id: str, token: str) -> None:
        self.sandbox_id = sandbox_id
        self.token = token
        self._backend = backend
        self._link = Link(task_group, lambda: backend.connect(sandbox_id), token)

    async def hello(self) -> None:
        """Make sure that the guest answers."""
        await self._link.request({"op": "jobs"})

    async def sandbox_ended(self, within: float = END_WAIT) -> bool:
        """Whether the sandbox itself has ended, or does so `within` seconds, and not only the stream to it."""
        with anyio.move_on_after(within):
            while await self._backend.alive(self.sandbox_id):  # noqa: ASYNC110 -- nothing tells of a sandbox's end
                await anyio.sleep(END_LOOK)
            return True
        return False

    async def aclose(self) -> None:
        """Close the stream; the sandbox lives on by its lease."""
        await self._link.aclose()

    async def run(
        self, command: str, *, wait_s: float, time_limit: float, background: bool = False, key: str = ""
    ) -> CommandResult:
        """Run a command in the shell; one that outlasts `wait_s` goes on as a job.

        Args:
            command: bash, of any length up to 1 MiB.
            wait_s: seconds to wait for its end.
            time_limit: seconds after which the guest ends it.
            background: run it beside the shell, with an open standard input, and don't wait.
            key: names this run, so that asking twice runs it once; made up when empty.
        """
        try:
            body = command.encode("utf-8", "surrogateescape")
        except UnicodeEncodeError:
            raise CommandRefused("the command holds half a surrogate pair, which is no character") from None
        if len(body) > MAX_COMMAND:
            raise CommandRefused(f"the command has {len(body)} bytes; write it to a file with edit, then run the file")
        header = {"op": "run", "wait": wait_s, "limit": time_limit, "background": background}
        reply, output = await self._link.request({**header, "key": key or _new_key()}, body, wait=wait_s)
        return command_result(reply, output)

    async def job_wait(self, job: str, *, wait_s: float, offset: int = 0) -> CommandResult:
        """Wait up to `wait_s` seconds for a job's end; its output from byte `offset` on."""
        header = {"op": "wait", "job": job, "wait": wait_s, "offset": offset}
        return command_result(*await self._link.request(header, wait=wait_s))

    async def job_kill(self, job: str, *, offset: int = 0) -> CommandResult:
        """End a job and everything that came from it."""
        header = {"op": "kill", "job": job, "wait": KILL_WAIT, "offset": offset}
        return command_result(*await self._link.request(header, wait=KILL_WAIT))

    async def job_input(
        self, job: str, data: bytes, *, wait_s: float = 0.0, offset: int = 0, key: str = ""
    ) -> CommandResult:
        """Write to a background job's standard input; no bytes at all close it. Once under a key, as `run`."""
        header = {"op": "input", "job": job, "wait": wait_s, "offset": offset, "key": key or _new_key()}
        return command_result(*await self._link.request(header, data, wait=wait_s))

    async def jobs(self) -> list[JobInfo]:
        """All jobs that run and the latest that have ended, a hundred in all, oldest first."""
        _, text = await self._link.request({"op": "jobs"})
        try:
            found = json.loads(text)
        except (ValueError, RecursionError):
            raise SandboxGone(NONSENSE) from None
        return (
            [job_info(item) for item in found[:MAX_JOBS] if isinstance(item, dict)] if isinstance(found, list) else []
        )

    async def running_jobs(self) -> list[str]:
        """The names of the jobs that run, oldest first."""
        return [job.job for job in await self.jobs() if job.running]

    async def view(self, path: str, *, first: int | None = None, last: int | None = None) -> FileView:
        """A file's numbered lines (1-based, `last` included), a folder's entries, or an image."""
        reply, data = await self._link.request({"op": "view", "path": path, "first": first, "last": last})
        kind = reply.get("kind")
        if kind not in ("text", "folder", "png", "jpeg"):
            raise SandboxGone(NONSENSE)
        return FileView(kind, data, integer(reply, "total_lines"), bool(reply.get("truncated")))

    async def create(self, path: str, text: bytes, *, key: str = "") -> bool:
        """Write a whole file, its folders made; whether it replaced one. Once under a key, as `run`."""
        if len(text) > MAX_BODY:
            raise CommandRefused(f"the text has {len(text)} bytes, at most {MAX_BODY} fit in one edit")
        reply, _ = await self._link.request({"op": "create", "path": path, "key": key or _new_key()}, text)
        return bool(reply.get("overwrote"))

    async def str_replace(self, path: str, old: bytes, new: bytes, *, key: str = "") -> bytes:
        """Replace the one occurrence of `old`; the numbered lines around the change. Once under a key, as `run`."""
        if len(old) + len(new) > MAX_BODY:
            raise CommandRefused(f"old_str and new_str together have more than {MAX_BODY} bytes")
        header = {"op": "str_replace", "path": path, "old": len(old), "key": key or _new_key()}
        return (await self._link.request(header, old + new))[1]

    async def insert(self, path: str, line: int, text: bytes, *, key: str = "") -> bytes:
        """Insert whole lines after line `line` (0: at the top); the lines around. Once under a key, as `run`."""
        header = {"op": "insert", "path": path, "line": line, "key": key or _new_key()}
        return (await self._link.request(header, text))[1]

    async def write(self, path: str, content: bytes | AsyncIterable[bytes], *, mode: int = 0o644) -> None:
        """Write a whole file of any size, its folders made; it appears at once, complete."""
        reply, _ = await self._link.request({"op": "upload", "path": path, "mode": mode})
        upload = integer(reply, "upload")
        async for chunk in _chunks(content):
            await self._link.request({"op": "append", "upload": upload}, chunk, repeatable=False)
        await self._link.request({"op": "finish", "upload": upload}, repeatable=False)

    async def read(self, path: str, *, max_size: int) -> bytes:
        """A whole file.

        Raises:
            CommandRefused: it is absent, not regular, or larger than `max_size` bytes.
        """
        content = bytearray()
        while True:
            header = {"op": "read", "path": path, "offset": len(content), "length": CHUNK}
            _, data = await self._link.request(header)
            content += data
            if len(content) > max_size:
                raise CommandRefused(f"{path} has more than {max_size} bytes")
            if not data:
                return bytes(content)

    async def pack(self, paths: Sequence[str], *, max_size: int) -> AsyncIterator[bytes]:
        """Files and folders of the workspace as one tar, read once, in chunks of at most 256 KiB.

        Raises:
            InvalidSubmission: one is absent, not regular, or all together exceed `max_size` bytes.
        """
        try:
            reply, _ = await self._link.request({"op": "pack", "paths": list(paths), "max_size": max_size})
            transfer, taken = integer(reply, "transfer"), 0
            # Headers and padding come on top of the files; a guest that sends more than that is not ours.
            ceiling = max_size + PER_PACKED_FILE * min(integer(reply, "files"), MAX_PACKED_FILES) + PER_PACKED_FILE
            while True:
                pull = {"op": "pull", "transfer": transfer}
                reply, chunk = await self._link.request(pull, repeatable=False)
                taken += len(chunk)
                if taken > ceiling:
                    raise InvalidSubmission(f"the submission has more than {max_size} bytes")
                if reply.get("end"):
                    return
                if not chunk:
                    raise SandboxGone(NONSENSE)
                yield chunk
        except CommandRefused as refusal:
            raise InvalidSubmission(str(refusal)) from None

    async def spawn(self, argv: Sequence[str], *, env: Mapping[str, str] | None = None) -> Channel:
        """Start a program with piped input and output, beside the shell."""
        header: Header = {"op": "spawn", "argv": list(argv), "env": dict(env or {})}
        reply, _ = await self._link.request(header, repeatable=False)
        return Channel(self._link, integer(reply, "program"))

    async def carried(self) -> Carried:
        """What the shell would hand on to a fresh one."""
        reply, exports = await self._link.request({"op": "carried"})
        return Carried(plain_text(reply.get("cwd"), MAX_PATH), exports)

    async def carry(self, carried: Carried) -> None:
        """Let the first shell begin with what another has handed on.

        Raises:
            CommandRefused: there was one already.
        """
        await self._link.request({"op": "carry", "cwd": carried.cwd}, carried.exports)

    async def renew(self, *, lifetime: float) -> None:
        """Let the sandbox live for `lifetime` seconds from now."""
        await self._link.request({"op": "renew", "lifetime": lifetime})


def _new_key() -> str:
    return secrets.token_hex(8)


async def _chunks(content: bytes | AsyncIterable[bytes]) -> AsyncIterator[bytes]:
    if isinstance(content, bytes):
        for start in range(0, len(content), CHUNK):
            yield content[start : start + CHUNK]
    else:
        async for chunk in content:
            yield chunk
