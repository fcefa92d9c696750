"""Cache hints: how long clients of the newest revision may keep an answer, and whether for others too."""

from mcp.server.caching import CacheableMethod, CacheHint

from mlgym_mcp.tools.desk import Desk

STEADY = 300_000
"""Milliseconds that what a server is made of may be kept: it changes only with another release."""
PASSING = 10_000
"""Milliseconds that a list of the tasks may be kept: the operator may add one at any time."""


def cache_hints(desk: Desk) -> dict[CacheableMethod, CacheHint]:
    """A server's hints.

    Where there is one session, nothing is public: what is said there names its task, and a cache that several clients
    share may know servers by their name alone, or show to others an address that is a secret.
    """
    steady = CacheHint(ttl_ms=STEADY, scope="private" if desk.one_session else "public")
    return {
        "tools/list": steady,
        "prompts/list": steady,
        "resources/templates/list": steady,
        "server/discover": steady,
        # Which tasks an operator adds is the business of those who may call this server.
        "resources/list": CacheHint(ttl_ms=PASSING, scope="private"),
        # The same hint for all that is read, and sessions are neither public nor ever the same.
        "resources/read": CacheHint(ttl_ms=0, scope="private"),
    }
