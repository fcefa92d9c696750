"""Principals: on whose account a call is made, and whose sessions it may use."""

LOCAL = "local"
"""Who speaks over stdin and stdout: the one who owns the data folder."""
ANONYMOUS = "anonymous"
"""Who comes over HTTP without a credential; strangers to each other, though they share this name."""


def may_use(principal: str, owner: str) -> bool:
    """Whether a principal that holds the handle of `owner`'s session may use it.

    What was started without a credential has nothing but its handle to guard it, wherever it comes up again.
    """
    return principal in (owner, LOCAL) or owner in (LOCAL, ANONYMOUS)
