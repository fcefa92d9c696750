"""The door to a Docker engine, with a few lines in an engine's place."""

import json
import re
from pathlib import Path

import anyio
import pytest
from anyio.abc import SocketStream

from mlgym_mcp.errors import BackendUnavailable
from mlgym_mcp.sandbox.docker import DockerEngine, open_engine

GREETING = json.dumps({"ApiVersion": "1.44", "Version": "0"}).encode()
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"


@pytest.mark.parametrize("answers", [0, 1])
async def test_an_engine_that_stalls_counts_as_none(
    answers: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = iter(range(answers))

    async def serve(stream: SocketStream) -> None:
        async with stream:
            try:
                while await stream.receive():
                    if next(left, None) is None:
                        await anyio.sleep_forever()
                    await stream.send(HEAD % len(GREETING) + GREETING)
            except (anyio.EndOfStream, anyio.BrokenResourceError):
                pass

    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path / 's'}")
    with anyio.fail_after(20):
        async with await anyio.create_unix_listener(tmp_path / "s") as listener, anyio.create_task_group() as tasks:
            tasks.start_soon(listener.serve, serve)
            with pytest.raises(BackendUnavailable, match="no Docker engine answers"):
                async with open_engine(time_limit=1):
                    pass
            tasks.cancel_scope.cancel()


@pytest.mark.parametrize("early", [b"", b"said before the SDK was done"])
async def test_nothing_that_a_program_said_at_once_is_lost(
    early: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The SDK reads the head of the answer in blocks; what lies behind it in one must not stay there."""
    upgraded = b"HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n" + early
    created = b'{"Id": "e1"}'

    async def serve(stream: SocketStream) -> None:
        async with stream:
            try:
                while True:
                    asked = await request(stream)
                    if b"/exec/e1/start" in asked:
                        await stream.send(upgraded)
                        while True:
                            await stream.send((await stream.receive()).upper())
                    answer = created if b"/exec" in asked else GREETING
                    await stream.send(HEAD % len(answer) + answer)
            except (anyio.EndOfStream, anyio.BrokenResourceError):
                pass

    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path / 's'}")
    with anyio.fail_after(20):
        async with await anyio.create_unix_listener(tmp_path / "s") as listener, anyio.create_task_group() as tasks:
            tasks.start_soon(listener.serve, serve)
            async with open_engine() as engine:
                for _ in range(3):  # a connection that came back to the SDK's pool would answer the wrong question
                    await one_conversation(engine, early)
            tasks.cancel_scope.cancel()


async def request(stream: SocketStream) -> bytes:
    """One whole request; its body comes in a packet of its own."""
    asked = b""
    while b"\r\n\r\n" not in asked:
        asked += await stream.receive()
    size = re.search(rb"(?i)content-length: (\d+)", asked)
    while size and len(asked.partition(b"\r\n\r\n")[2]) < int(size[1]):
        asked += await stream.receive()
    return asked


async def one_conversation(engine: DockerEngine, early: bytes) -> None:
    connection, received = await engine.attach("name", ["program"], user="1")
    async with await SocketStream.from_socket(connection) as stream:
        assert await engine.version() == "0"
        while len(received) < len(early):
            received += await stream.receive()
        assert received == early
        await stream.send(b"words")
        assert await stream.receive() == b"WORDS"
