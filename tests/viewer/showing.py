"""The viewer alone, over real HTTP, on a world's data folder: it needs no server to look at a store."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import httpx2
from mlgym_clients.server import bearer
from starlette.applications import Starlette

from mlgym_mcp.auth import secret
from mlgym_mcp.auth.doorkeeper import Doorkeeper
from mlgym_mcp.store import Store, Tokens
from mlgym_mcp.tasks.catalog import Catalog
from mlgym_mcp.viewer.page import Page
from mlgym_mcp.viewer.reading import Shelf
from mlgym_mcp.viewer.token_entrance import TokenEntrance
from mlgym_mcp.viewer.viewer import Viewer
from mlgym_mcp.web import address
from mlgym_mcp.web.serving import serving
from tests.fakes import World

TOKEN = "the-operators-own-token-of-this-server"


@asynccontextmanager
async def pages_of(
    world: World, shown: str | None = None, *, more: Sequence[Page] = ()
) -> AsyncIterator[httpx2.AsyncClient]:
    """A browser without scripts; in front of a viewer that asks for tokens, where one is shown."""
    with Store.open(world.folder / "data"):
        pass  # there is one
    with Tokens.open(world.folder / "data") as tokens, address.listen("127.0.0.1", 0) as listener:
        token_hash = secret.hashed(TOKEN) if shown else None
        entrance = TokenEntrance(Doorkeeper(tokens, token_hash=token_hash, now=world.clock.now))
        viewer = Viewer(Shelf(world.folder / "data", Catalog([world.folder / "tasks"])), entrance, more=more)
        headers = bearer(shown) if shown else {}
        async with (
            serving(Starlette(routes=viewer.routes()), listener),
            httpx2.AsyncClient(base_url=address.url(listener), headers=headers, timeout=30, verify=False) as browser,
        ):
            yield browser
