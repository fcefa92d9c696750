"""The wheel is whole: what is installed from it finds its material, and nothing of this machine travels in it."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder into which the wheel of this checkout was unpacked."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    subprocess.run(build, cwd=CHECKOUT, check=True)
    with zipfile.ZipFile(next(folder.glob("*.whl"))) as wheel:
        wheel.extractall(folder / "installed")
    return folder / "installed"


@pytest.mark.parametrize("material", ["docker", "sandbox", "tasks"])
def test_an_installed_wheel_finds_its_material(installed: Path, material: str) -> None:
    question = f"from mlgym_mcp import assets; print(assets.folder({material!r}))"
    answer = subprocess.run([sys.executable, "-c", question], cwd=installed, check=True, capture_output=True, text=True)
    assert Path(answer.stdout.strip()) == installed / "mlgym_mcp/_bundled" / material


def test_the_clients_are_in_the_wheel_as_a_package_of_their_own(installed: Path) -> None:
    assert (installed / "mlgym_clients/__init__.py").exists()
    assert not (installed / "clients").exists()


def test_the_page_of_the_clients_window_is_in_the_wheel(installed: Path) -> None:
    parts = {path.suffix for path in (installed / "mlgym_mcp/tools/app").iterdir()}
    assert {".html", ".css", ".js"} <= parts


def test_nothing_of_this_machine_is_in_the_wheel(installed: Path) -> None:
    bundled = installed / "mlgym_mcp/_bundled"
    assert not [path for path in bundled.rglob("*") if path.suffix in {".crt", ".whl", ".pyc"}]
