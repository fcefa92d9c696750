"""Why a database can't be used, and what its operator does about that."""

import sqlite3
from pathlib import Path

RESTORE = "restore it from a backup, or move it away (with -wal and -shm beside it) to begin anew"
ALLOW = "give whoever runs mlgym-mcp the right to read and write it and its folder, or set MLGYM_MCP_DATA_DIR"
REASONS = {
    sqlite3.SQLITE_NOTADB: ("is no database", RESTORE),
    sqlite3.SQLITE_CORRUPT: ("is damaged", RESTORE),
    sqlite3.SQLITE_CANTOPEN: ("can't be opened", ALLOW),
    sqlite3.SQLITE_READONLY: ("can't be written", ALLOW),
    sqlite3.SQLITE_PERM: ("can't be opened", ALLOW),
}


def sentence(path: Path, error: sqlite3.Error) -> str:
    """What an error of SQLite means for whoever keeps the file, in a sentence."""
    if path.is_dir():
        return f"{path} is a folder, but should be a database; move it away, or set MLGYM_MCP_DATA_DIR."
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF  # the rest of it tells kinds of one error apart
    if code not in REASONS:
        return f"the store refused a statement: {error}"
    what, mend = REASONS[code]
    return f"{path} {what}; {mend}."
