"""What every test may use.

Tests marked `docker` or `strangers` are skipped where no engine answers, or where the programs of others are not
installed; except in CI, where they fail.
"""

import os
from collections.abc import Callable
from pathlib import Path

import anyio
import pytest

from mlgym_mcp.errors import BackendUnavailable
from mlgym_mcp.sandbox.docker import open_engine
from tests.strangers import node


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what needs something that is not there; under CI it runs, and fails, instead. The longest goes first."""
    items.sort(key=lambda item: item.path.name != "test_cluster.py")
    if os.environ.get("CI"):
        return
    for marker, missing in (("docker", _engine_is_missing), ("strangers", node.missing)):
        needy = [item for item in items if item.get_closest_marker(marker)]
        if needy and (reason := missing()) is not None:
            for item in needy:
                item.add_marker(pytest.mark.skip(reason=reason))


def _engine_is_missing() -> str | None:
    async def ask() -> str | None:
        try:
            async with open_engine(time_limit=5):
                return None
        except BackendUnavailable as error:
            return str(error)

    return anyio.run(ask)


@pytest.fixture
def write_files(tmp_path: Path) -> Callable[[dict[str, str]], Path]:
    """Writes a tree of texts and returns its folder: `write_files({"a/b.txt": "text"})`."""

    def write(files: dict[str, str]) -> Path:
        for name, text in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        return tmp_path

    return write


@pytest.fixture(scope="session")
def cache_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where environments are built once for the whole run; readable for sandboxes, which have other uids."""
    base = tmp_path_factory.getbasetemp()
    # Each of several test processes has a folder of its own in the run's.
    cache = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "cache"
    cache.mkdir(exist_ok=True)
    return cache
