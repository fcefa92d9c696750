"""Addresses of and for issuers of tokens."""

from urllib.parse import urlsplit


def checked(address: object) -> str:
    """An address that nobody on the way can answer for another.

    Raises:
        ValueError: it is none.
    """
    parts = urlsplit(address if isinstance(address, str) else "")
    local = parts.scheme == "http" and parts.hostname in ("127.0.0.1", "::1", "localhost")
    if not parts.hostname or not (parts.scheme == "https" or local) or parts.fragment or parts.username:
        raise ValueError("an address that begins with https:// (http:// on this machine alone)")
    return str(address)
