"""The entrance of a server: tokens, in a header, as programs send them, or in a cookie."""

from starlette.requests import HTTPConnection

from mlgym_mcp.auth.doorkeeper import Doorkeeper
from mlgym_mcp.store import Actor, acting
from mlgym_mcp.viewer import cookie
from mlgym_mcp.viewer.visitor import Visitor


class TokenEntrance:
    """Lets in whom the API lets in, by the same tokens."""

    question = "This server shows its pages to whoever has a token for it."
    asks = True

    def __init__(self, doorkeeper: Doorkeeper) -> None:
        self._doorkeeper = doorkeeper

    async def visitor(self, request: HTTPConnection) -> Visitor:
        """Who sends a request.

        Raises:
            Refused: it is not let in.
        """
        header, guarded = request.headers.get("authorization", ""), self._doorkeeper.guards
        # Where nothing is asked for, a cookie is another server's.
        kept = cookie.held(request) if guarded and not header else ""
        with acting(_actor(request)):
            shown = await self._doorkeeper.admit(f"Bearer {kept}" if kept else header)
        return Visitor(
            shown.principal,
            shown.scopes,
            shown.session,
            everything=not guarded or ("operate" in shown.scopes and shown.session is None),
            signed_in=bool(kept),
        )

    async def admit(self, request: HTTPConnection, shown: str) -> str:
        """What the cookie of somebody is to hold who shows this token: that token.

        Raises:
            Refused: it is not let in.
        """
        with acting(_actor(request)):
            await self._doorkeeper.admit(f"Bearer {shown}")
        return shown


def _actor(request: HTTPConnection) -> Actor:
    return Actor(address=request.client.host if request.client else None)
