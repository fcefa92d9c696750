"""The disk of the data folder fills: the server says so, loses nothing that it told, and goes on once there is room."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from mcp import Client

from tests.faults.lives import Lives, ask, furnish
from tests.gateway import text

FULL = "The disk of the server's data folder is full"


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    if os.geteuid() != 0:
        pytest.skip("only root may mount")
    folder = tmp_path / "small"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", str(folder)], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(path: Path) -> None:
    with open(path, "wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(b"x" * 4096)


async def test_a_server_whose_disk_is_full_says_so_and_goes_on_once_there_is_room(
    small_disk: Path, cache_dir: Path
) -> None:
    furnish(small_disk)
    lives = Lives(small_disk, cache_dir)
    async with lives.server() as (url, _), Client(f"{url}/mcp") as client:

        async def told(tool: str, **arguments: Any) -> str:
            return text(await client.call_tool(tool, {"session": lives.session, **arguments}))

        await lives.call(client, ask("start"), number=0)
        await told("bash", command="echo before > note; head -c 400000 /dev/urandom > weights")
        fill(small_disk / "filler")
        keyed = ask("bash", command=f"echo x >> log # {'long' * 20_000}")
        assert FULL in text(await lives.call(client, keyed, number=1))
        assert FULL in await told("validate", wait_s=50)
        assert FULL in await told("checkpoint", wait_s=50)
        assert FULL in text(await lives.call(client, ask("start"), number=2))
        assert "19 steps" in await told("status")
        (small_disk / "filler").unlink()
        await lives.call(client, keyed, number=1)
        assert (await told("bash", command="cat note log")).startswith("before\nx\n[exit 0")
        assert "points 7" in await told("validate", wait_s=50)
        assert "16 steps" in await told("status")
        await told("end")
