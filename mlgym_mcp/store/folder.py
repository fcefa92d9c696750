"""The data folder: made where it is absent, and readable by its owner alone."""

from pathlib import Path

from mlgym_mcp.errors import SetupError

DATABASE = "mlgym.sqlite"


def made(folder: Path, *below: str) -> Path:
    """The folder, with such folders in it.

    Raises:
        SetupError: it can't be used.
    """
    try:
        for path in (folder, *(folder / name for name in below)):
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.chmod(0o700)
    except OSError as error:
        raise unusable(folder, error) from None
    return folder


def unusable(path: Path, error: OSError) -> SetupError:
    """What the operator is told of a data folder, or of something in it, that can't be used."""
    return SetupError(
        f"The data folder can't be used: {path}: {error.strerror}; let whoever runs mlgym-mcp read and write it, or "
        "set MLGYM_MCP_DATA_DIR to another."
    )
