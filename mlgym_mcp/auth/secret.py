"""The one token that a server is configured with: kept as a hash, and compared in constant time."""

import hashlib
import hmac
import re

HASHED = "sha256:"
"""Begins a token that was hashed before, as a config file may hold it."""
SHORTEST = 20
"""Characters of a token. The hash is a fast one, so a token has to be beyond guessing."""


def hashed(token: str) -> str:
    """What is kept of a token, or of the hash of one.

    Raises:
        ValueError: it is too short for a secret, or nothing that a header can carry.
    """
    if token.startswith(HASHED):
        if not re.fullmatch("[0-9a-f]{64}", token.removeprefix(HASHED)):
            raise ValueError(f"{HASHED} and 64 hexadecimal digits, the hash of a token")
        return token
    if not re.fullmatch("[!-~]*", token):
        raise ValueError("made of letters, digits and signs of ASCII, without spaces")
    if len(token) < SHORTEST:
        raise ValueError(
            f"at least {SHORTEST} characters; make one with: "
            "python3 -c 'import secrets; print(secrets.token_urlsafe(32))'"
        )
    return HASHED + hashlib.sha256(token.encode()).hexdigest()


def matches(token: str, token_hash: str) -> bool:
    """Whether a token is the one of this hash."""
    return hmac.compare_digest(HASHED + hashlib.sha256(token.encode()).hexdigest(), token_hash)
