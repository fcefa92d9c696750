"""A sandbox as an attacker sees it: each attempt of the table is made inside of it, and gets nothing."""

import json
from pathlib import Path

import anyio
import pytest

from mlgym_mcp.sandbox.base import Mount
from tests.sandbox.boxes import REAL, open_box, specify
from tests.sandbox.escape.attempts import __main__, table

OF_THE_RELAY = ("a process is seen that does not come from process 1", "a process of another user is seen")
"""What holds where each stream is one `docker exec`: its program is seen, and no more."""
PROGRAM = Path(__main__.__file__).parent
MADE: dict[str, dict[str, str | None]] = {}


async def make(kind: str, folder: Path) -> dict[str, str | None]:
    """What each attempt gets in a sandbox, all of them in one."""
    spec = specify(mounts=(Mount(PROGRAM, "/attempts"),))
    async with open_box(kind, folder, spec) as box:
        got: dict[str, str | None] = json.loads(await box.output("cd / && python3 -B -m attempts"))
        assert await box.output("cd; echo fine") == "fine\n", "the guest goes on"
    return {**got, **dict.fromkeys(OF_THE_RELAY if kind == "docker-exec" else ())}


@pytest.fixture(params=REAL)
def got(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, str | None]:
    if request.param not in MADE:
        MADE[request.param] = anyio.run(make, request.param, tmp_path)
    return MADE[request.param]


@pytest.mark.parametrize("sentence", table.ATTEMPTS)
def test_it_is_not_so_that(sentence: str, got: dict[str, str | None]) -> None:
    assert got[sentence] is None


@pytest.mark.parametrize("sentence", table.NEEDS)
def test_it_is_so_that(sentence: str, got: dict[str, str | None]) -> None:
    assert got[sentence] is not None
    assert "broken" not in str(got[sentence])
