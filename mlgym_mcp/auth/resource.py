"""The metadata of this server as a protected resource (RFC 9728): which issuer gives tokens for it."""

from mcp.server.auth.routes import build_resource_metadata_url, create_protected_resource_routes
from pydantic import AnyHttpUrl
from starlette.routing import BaseRoute, Route

from mlgym_mcp.sessions.principal import SCOPES

WELL_KNOWN = "/.well-known/oauth-protected-resource"


def protected_resource(issuer: str | None, audience: str | None) -> tuple[str | None, tuple[BaseRoute, ...]]:
    """The address of the metadata, and what serves it; nothing where no issuer is trusted.

    It lies at the path that the server's address implies, and at the root, where some clients look.
    """
    if issuer is None or audience is None:
        return None, ()
    resource = AnyHttpUrl(audience)
    [route] = create_protected_resource_routes(
        resource, [AnyHttpUrl(issuer)], scopes_supported=list(SCOPES), resource_name="mlgym-mcp"
    )
    places = dict.fromkeys((route.path, WELL_KNOWN))
    routes = tuple(Route(place, route.endpoint, methods=["GET", "OPTIONS"]) for place in places)
    return str(build_resource_metadata_url(resource)), routes
