"""The data folder's secret, from which hidden splits and seeds derive. Drawn once, shared by all its servers."""

import os
import secrets
from pathlib import Path

from mlgym_mcp.errors import StoreError
from mlgym_mcp.store.files import write_once
from mlgym_mcp.store.folder import unusable

SIZE = 32


def read_secret(path: Path, reader: str) -> bytes:
    """The secret, drawn now if there is none; `reader` is the instance that asks.

    Raises:
        SetupError: the file can't be read or made.
        StoreError: it doesn't hold a secret.
    """
    try:
        if not path.exists():
            write_once(path, secrets.token_bytes(SIZE), reader)
        secret = path.read_bytes()
    except OSError as error:
        raise unusable(path, error) from None
    if len(secret) != SIZE:
        raise StoreError(f"{path} should hold {SIZE} bytes, but holds {len(secret)}.")
    if os.name == "posix":
        path.chmod(0o600)
    return secret
