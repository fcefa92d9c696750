"""What nobody comes back for ends by itself, on the nodes, too."""

from pathlib import Path

import pytest

from mlgym_mcp.sandbox.cluster.host import KEPT
from tests.sandbox.boxes import open_backend, specify, until

pytestmark = [pytest.mark.ray, pytest.mark.exhaustive]


async def test_the_actor_of_a_sandbox_that_ended_by_its_lease_ends_and_leaves_nothing(tmp_path: Path) -> None:
    async with open_backend("ray", tmp_path) as backend:
        await backend.start(specify(lifetime=1.0))

        async def gone() -> bool:
            return await backend.ids() == []

        await until(gone, within=2 * KEPT)
    assert list((tmp_path / "data/nodes").glob("*/*/sandboxes/*")) == []
