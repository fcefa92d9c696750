"""The gate before an address: lets in whom the doorkeeper knows, and makes known to what is behind it who that is."""

import secrets

from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser
from mcp.server.auth.provider import AccessToken
from starlette.datastructures import Headers
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from mlgym_mcp.auth.credential import Credential, Refused
from mlgym_mcp.auth.doorkeeper import Doorkeeper
from mlgym_mcp.sessions import principal
from mlgym_mcp.store import Actor, acting
from mlgym_mcp.tools.caller import Caller, calling

ONE_SESSION = "This token opens one session only, at /mcp."
RETRY_AFTER = 10
"""Seconds after which a caller may come back for whom we could not tell."""


class Gate:
    """Before one address. Only whoever has the scope that is asked for passes, if one is; strangers never do then."""

    def __init__(
        self,
        doorkeeper: Doorkeeper,
        app: ASGIApp,
        within: ASGIApp | None = None,
        metadata: str | None = None,
        *,
        scope: principal.Scope | None = None,
    ) -> None:
        """What is behind it.

        Args:
            doorkeeper: Who is let in.
            app: What is served.
            within: What is served in its place to those who may see one session only; None: their own address is here.
            metadata: The address that tells who gives tokens for this server (RFC 9728).
            scope: What is needed to pass at all.
        """
        self._doorkeeper = doorkeeper
        self._app = app
        self._within = within
        self._metadata = metadata
        self._scope = scope

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        address, request = (scope.get("client") or (None,))[0], secrets.token_hex(4)
        named = scope.get("path_params", {}).get("session")
        try:
            with acting(Actor(address=address, request=request)):
                shown = await self._doorkeeper.admit(Headers(scope=scope).get("authorization", ""))
            self._require(shown, named)
        except Refused as refusal:
            await self._refusal(refusal)(scope, receive, send)
            return
        caller = Caller(
            shown.principal,
            shown.session or named,
            shown.scopes,
            confined=shown.session is not None,
            token=shown.token,
            address=address,
            request=request,
        )
        app = self._within if shown.session is not None and self._within is not None else self._app
        with calling(caller):
            await app({**scope, **_user(shown)}, receive, send)

    def _require(self, shown: Credential, named: str | None) -> None:
        if shown.session is not None and named not in (None, shown.session):
            raise Refused(ONE_SESSION, 403, error="insufficient_scope")
        if self._scope is not None and self._scope not in shown.scopes:
            why = f"This needs a token with the scope {self._scope}."
            raise Refused(why, 403, error="insufficient_scope", scope=self._scope)

    def _refusal(self, refusal: Refused) -> Response:
        headers = {}
        if refusal.status == 503:
            headers["Retry-After"] = str(RETRY_AFTER)
        else:
            told = {"realm": "mlgym-mcp", "error": refusal.error, "scope": refusal.scope}
            if refusal.error is not None:
                told["error_description"] = str(refusal).replace('"', "'")
            told["resource_metadata"] = self._metadata
            fields = ", ".join(f'{name}="{value}"' for name, value in told.items() if value is not None)
            headers["WWW-Authenticate"] = f"Bearer {fields}"
        return JSONResponse({"error": str(refusal)}, status_code=refusal.status, headers=headers)


def _user(shown: Credential) -> dict[str, AuthenticatedUser]:
    """What the SDK goes by: a connection with a handshake belongs to the credential that it was opened with."""
    if shown.principal == principal.ANONYMOUS and shown.token is None:
        return {}
    access = AccessToken(token="", client_id=shown.token or shown.principal, subject=shown.principal, scopes=[])
    return {"user": AuthenticatedUser(access)}
