"""A sandbox for the length of a block: what comes of the block counts, whatever becomes of the sandbox."""

import anyio
import pytest
from structlog.testing import capture_logs

from mlgym_mcp.errors import SandboxError
from mlgym_mcp.sandbox import lifecycle
from mlgym_mcp.sandbox.fake import FakeBackend
from mlgym_mcp.sandbox.lifecycle import open_sandbox
from tests.sandbox.boxes import specify


class Clinging(FakeBackend):
    """A backend that does not remove what it has made: it says so, or takes for ever."""

    def __init__(self, *, says_so: bool) -> None:
        super().__init__()
        self._says_so = says_so

    async def remove(self, sandbox_id: str) -> None:
        if self._says_so:
            raise SandboxError("the engine does not answer")
        await anyio.sleep_forever()


@pytest.fixture(autouse=True)
def impatience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lifecycle, "REMOVE_GRACE", 0.05)


@pytest.mark.parametrize("says_so", [True, False])
async def test_a_sandbox_that_stays_is_logged_and_changes_nothing(says_so: bool) -> None:
    spec = specify()
    with anyio.fail_after(10), capture_logs() as logs:
        async with open_sandbox(Clinging(says_so=says_so), spec) as guest:
            assert (await guest.run("true", wait_s=5, time_limit=5)).exit_code == 0
    assert [(entry["event"], entry["sandbox"]) for entry in logs] == [("sandbox_not_removed", spec.id)]


async def test_a_sandbox_that_stays_does_not_hide_the_blocks_own_error() -> None:
    with anyio.fail_after(10), pytest.raises(ValueError, match="its own"):
        async with open_sandbox(Clinging(says_so=True), specify()):
            raise ValueError("its own")
