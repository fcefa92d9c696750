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
        raise SetupError(
            f"The data folder {folder} can't be used ({error.strerror}); set MLGYM_MCP_DATA_DIR to another."
        ) from None
    return folder
