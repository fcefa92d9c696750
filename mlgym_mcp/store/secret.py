"""The data folder's secret, from which hidden splits and seeds derive. Drawn once, shared by all its servers."""

import os
import secrets
from pathlib import Path

from mlgym_mcp.errors import StoreError
from mlgym_mcp.store.files import write_once

SIZE = 32


def read_secret(path: Path, reader: str) -> bytes:
    """The secret, drawn now if there is none; `reader` is the instance that asks.

    Raises:
        StoreError: the file doesn't hold a secret.
    """
    if not path.exists():
        write_once(path, secrets.token_bytes(SIZE), reader)
    secret = path.read_bytes()
    if len(secret) != SIZE:
        raise StoreError(f"{path} should hold {SIZE} bytes, but holds {len(secret)}.")
    if os.name == "posix":
        path.chmod(0o600)
    return secret
