"""Seeds of what is hidden and of play: from the data folder's secret, so that nobody can foresee or choose them."""

import hashlib
import hmac


def derive_seed(secret: bytes, *labels: str) -> int:
    """A 63-bit seed for a purpose; the same labels give the same seed, and no two lists of labels run together."""
    message = b"".join(len(label).to_bytes(4, "big") + label.encode() for label in map(str, labels))
    return int.from_bytes(hmac.new(secret, message, hashlib.sha256).digest()[:8], "big") >> 1


def secret_hash(secret: bytes) -> str:
    """What scores name the secret by: equal hashes, equal hidden splits."""
    return hashlib.sha256(secret).hexdigest()
