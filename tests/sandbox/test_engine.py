"""The door to a Docker engine, where no engine is behind it."""

import json
from pathlib import Path

import anyio
import pytest
from anyio.abc import SocketStream

from mlgym_mcp.errors import BackendUnavailable
from mlgym_mcp.sandbox.docker import open_engine

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
