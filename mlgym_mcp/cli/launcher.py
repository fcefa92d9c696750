"""What starts us again from anywhere: clients keep it in their configurations for as long as they like."""

import json
import shutil
import sys
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from urllib.parse import unquote, urlsplit

from mlgym_mcp import __version__
from mlgym_mcp.errors import SetupError

CACHE = "CACHEDIR.TAG"
"""The file by which a folder says that it is a cache, whose contents may go at any time."""


def launcher() -> tuple[str, ...]:
    """A command that will still be there tomorrow.

    Raises:
        SetupError: this installation is a passing one, and what made it is not to be found.
    """
    if not any((folder / CACHE).is_file() for folder in Path(sys.prefix).parents):
        script = Path(sys.executable).parent / "mlgym-mcp"
        return (str(script),) if script.exists() else (sys.executable, "-m", "mlgym_mcp")
    kind, option = ("pipx", ("run", "--spec")) if "pipx" in Path(sys.prefix).parts else ("uvx", ("--from",))
    if (program := shutil.which(kind)) is None:
        raise SetupError(
            f"mlgym-mcp runs from a cache here ({sys.prefix}), which clients can't rely on, and {kind} is not in PATH; "
            "install it to stay: uv tool install mlgym-mcp, or pipx install mlgym-mcp"
        )
    return (program, *option, _origin(), "mlgym-mcp")


def _origin() -> str:
    """What we were installed from: a file or an address, or else our name and version."""
    try:
        found = distribution("mlgym-mcp").read_text("direct_url.json")
    except PackageNotFoundError:
        found = None
    url = str(json.loads(found)["url"]) if found else f"mlgym-mcp=={__version__}"
    parts = urlsplit(url)
    return unquote(parts.path) if parts.scheme == "file" else url
