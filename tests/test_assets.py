"""The material that is not code is found."""

from pathlib import Path
from typing import get_args

import pytest

from mlgym_mcp import assets
from mlgym_mcp.errors import SetupError


@pytest.mark.parametrize("material", get_args(assets.Material))
def test_every_material_is_found(material: assets.Material) -> None:
    assert assets.folder(material).is_dir()


def test_the_material_of_a_wheel_wins_over_a_folder_beside_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bundled, beside = tmp_path / "_bundled", tmp_path / "checkout"
    for place in (bundled, beside):
        (place / "docker").mkdir(parents=True)
    monkeypatch.setattr(assets, "_PLACES", (bundled, beside))
    assert assets.folder("docker") == bundled / "docker"


def test_an_installation_without_its_material_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(assets, "_PLACES", (tmp_path,))
    with pytest.raises(SetupError, match="pip install"):
        assets.folder("tasks")


def test_the_folder_of_images_does_not_hide_the_docker_sdk() -> None:
    assert not (assets.folder("docker") / "__init__.py").exists()
