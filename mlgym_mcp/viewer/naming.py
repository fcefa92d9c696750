"""Names of sessions in addresses: handles are secret, and sandboxes' names change when a session goes back."""

import hashlib

from mlgym_mcp.store import Records, SessionRow

DIGITS = 16


def public_id(row: SessionRow) -> str:
    """The name of a session that tells nothing; it begins as its fingerprint in log and audit log does."""
    return _hash(row.id)


def find(records: Records, name: str) -> SessionRow | None:
    """The session of this name; the name of its sandbox, as `sessions list` has it, will do too."""
    if (row := records.sessions.by_sandbox(name)) is not None:
        return row
    handle = next((one for one in records.sessions.ids() if _hash(one) == name), None)
    return None if handle is None else records.sessions.get(handle)


def _hash(handle: str) -> str:
    return hashlib.sha256(handle.encode()).hexdigest()[:DIGITS]
