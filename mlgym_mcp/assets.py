"""The material that is not code: task folders, the guest's programs and the images' recipes."""

from pathlib import Path
from typing import Literal

from mlgym_mcp.errors import SetupError

Material = Literal["docker", "sandbox", "tasks"]

_PACKAGE = Path(__file__).resolve().parent
_PLACES = (_PACKAGE / "_bundled", _PACKAGE.parent)


def folder(material: Material) -> Path:
    """The folder of a material, in an installed wheel or in a checkout.

    Raises:
        SetupError: the installation lacks it.
    """
    for place in _PLACES:
        if (place / material).is_dir():
            return place / material
    raise SetupError(
        f"this installation has no {material}/ folder; install it again: pip install --force-reinstall mlgym-mcp"
    )


def shipped(path: Path) -> bool:
    """Whether a file or folder came with the installation, rather than from the operator."""
    materials: tuple[Material, ...] = ("sandbox", "tasks")
    return any(path.is_relative_to(folder(material)) for material in materials)
