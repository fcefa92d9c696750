"""The guest book: who may look at a store that nobody serves. An address that works once, and a cookie from then on.

Other users of the machine reach the port as well as whoever opened it, and may not read the data folder.
"""

import hmac
import secrets
from collections.abc import Callable
from urllib.parse import quote

from starlette.requests import HTTPConnection

from mlgym_mcp.auth.credential import Refused
from mlgym_mcp.viewer import cookie
from mlgym_mcp.viewer.visitor import OWNER, Visitor

UNKNOWN = "Open the address that `mlgym-mcp view` has printed last: each works once."


class GuestBook:
    """Lets in whoever shows the secret that was told last, and knows them by a cookie afterwards."""

    question = "These pages are for whoever started `mlgym-mcp view`: open the address that it has printed last."
    asks = False

    def __init__(self, tell: Callable[[str], None], first: str = "/") -> None:
        """What it does with addresses.

        Args:
            tell: Told the path of one that works once; of another, once that was used.
            first: Where that one leads.
        """
        self._tell = tell
        self._first = first
        self._known = secrets.token_urlsafe(32)
        self._secret = self._next()

    async def visitor(self, request: HTTPConnection) -> Visitor:
        """Who sends a request.

        Raises:
            Refused: it does not have the cookie.
        """
        if not hmac.compare_digest(cookie.held(request).encode(), self._known.encode()):
            raise Refused(UNKNOWN)
        return OWNER

    async def admit(self, _: HTTPConnection, shown: str) -> str:
        """The cookie of whoever shows the secret.

        Raises:
            Refused: it is not the one that was told last.
        """
        if not hmac.compare_digest(shown.encode(), self._secret.encode()):
            raise Refused(UNKNOWN)
        self._secret = self._next()
        return self._known

    def _next(self) -> str:
        secret = secrets.token_urlsafe(32)
        self._tell(f"/sign-in?secret={secret}" + (f"&next={quote(self._first)}" if self._first != "/" else ""))
        return secret
