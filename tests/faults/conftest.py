"""What the tests of faults share."""

from pathlib import Path

import anyio
import pytest

from tests.faults.lives import prepare


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory, cache_dir: Path) -> Path:
    return anyio.run(prepare, tmp_path_factory.mktemp("prepared"), cache_dir)
