"""The metadata of this server as a protected resource (RFC 9728): which issuer gives tokens for it."""

from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import BaseRoute, Route

from mlgym_mcp.sessions.principal import SCOPES

WELL_KNOWN = "/.well-known/oauth-protected-resource"


def protected_resource(issuer: str | None, audience: str | None) -> tuple[str | None, tuple[BaseRoute, ...]]:
    """The address of the metadata, and what serves it; nothing where no issuer is trusted.

    It lies at the path that the server's address implies, and at the root, where some clients look.
    """
    if issuer is None or audience is None:
        return None, ()
    # Not by the SDK's helper: it ends the issuer's address with a slash, and clients compare it letter by letter.
    document = {
        "resource": audience,
        "authorization_servers": [issuer],
        "scopes_supported": SCOPES,
        "bearer_methods_supported": ["header"],
        "resource_name": "mlgym-mcp",
    }

    async def describe(_: Request) -> JSONResponse:
        return JSONResponse(document, headers={"Access-Control-Allow-Origin": "*"})

    parts = urlsplit(audience)
    place = WELL_KNOWN + parts.path.rstrip("/")
    routes = tuple(Route(one, describe) for one in dict.fromkeys((place, WELL_KNOWN)))
    return f"{parts.scheme}://{parts.netloc}{place}", routes
