"""A server over HTTP that the conformance suite finds its fixtures on."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from mlgym_mcp.auth.doorkeeper import Doorkeeper
from mlgym_mcp.server import open_server
from mlgym_mcp.settings import Settings
from mlgym_mcp.tools.endpoint import EndpointLimits, open_endpoint
from mlgym_mcp.web import address
from mlgym_mcp.web.app import Behind, make_app
from mlgym_mcp.web.serving import serving
from tests.strangers.fixtures import add_fixtures
from tests.strangers.jobs import adding_jobs


@asynccontextmanager
async def server_with_fixtures(folder: Path) -> AsyncIterator[str]:
    """The address of our server, put together as `open_web` does it, with fixtures beside its own tools."""
    settings = Settings(data_dir=folder / "data", cache_dir=folder / "cache", sandbox="fake")
    limits = EndpointLimits(settings.max_connections, settings.connection_idle)
    with address.listen(settings.host, 0) as listener:
        async with open_server(settings) as server:
            add_fixtures(server)
            async with (
                adding_jobs(server),
                open_endpoint(server, address.names(settings.host, ()), limits) as app,
            ):
                async with serving(make_app(Behind(app, app), Doorkeeper()), listener):
                    yield f"{address.url(listener)}/mcp"
