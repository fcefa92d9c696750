"""Updates over HTTP: they pass between the addresses of one server, and connections that end are forgotten."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2
import pytest
from mcp import Client, MCPError
from mcp.client.streamable_http import streamable_http_client

from mlgym_mcp.auth.doorkeeper import Doorkeeper
from mlgym_mcp.server import open_server
from mlgym_mcp.tools.endpoint import EndpointLimits, open_endpoint
from mlgym_mcp.web import address
from mlgym_mcp.web.app import make_app
from mlgym_mcp.web.serving import serving
from tests.fakes import TASK, World, until
from tests.processes import HANDSHAKE
from tests.tools.stage import ERAS, Era, services_of, settings_of, start, told
from tests.tools.watch import Watcher, uris_of, watcher
from tests.web.stage import Site, site


@asynccontextmanager
async def watching(served: Site, era: Era, session: str | None = None) -> AsyncIterator[Watcher]:
    """A watcher at the address for everything, or at that of one session."""
    place = f"{served.url}/s/{session}/mcp" if session else f"{served.url}/mcp"
    async with served.raw() as http, watcher(streamable_http_client(place, http_client=http), era) as found:
        yield found


@pytest.mark.parametrize("era", ERAS)
async def test_who_watches_at_one_address_hears_what_is_done_at_another(tmp_path: Path, era: Era) -> None:
    async with site(World(tmp_path)) as served, served.client(era=era) as owner:
        session = await start(owner)
        async with watching(served, era) as above, watching(served, era, session) as within:
            async with above.subscribed(*uris_of(session)), within.subscribed(*uris_of(session)):
                await told(owner, "bash", session=session, command="true")
                await above.hears(*uris_of(session))
                await within.hears(*uris_of(session))
                await told(within.client, "bash", command="true")
                await above.hears(*uris_of(session))
                await within.hears(*uris_of(session))


@pytest.mark.parametrize("era", ERAS)
async def test_at_an_address_of_one_session_nothing_else_can_be_watched(tmp_path: Path, era: Era) -> None:
    async with site(World(tmp_path)) as served, served.client(era=era) as owner:
        mine, other = await start(owner), await start(owner)
        async with watching(served, era, mine) as agent:
            for uri in (*uris_of(other), f"mlgym://leaderboard/{TASK}"):
                with pytest.raises(MCPError, match="one session only"):
                    async with agent.subscribed(uri):
                        pass
            async with agent.subscribed(*uris_of(mine)):
                await told(agent.client, "bash", command="true")
                await agent.hears(*uris_of(mine))


ACCEPTED = {"Accept": "application/json, text/event-stream"}


@pytest.mark.parametrize("leaves", ["with a word", "without a word"])
async def test_a_connection_that_ends_is_forgotten_however_it_ends(tmp_path: Path, leaves: str) -> None:
    world = World(tmp_path)
    async with open_server(settings_of(world), services_of(world)) as server, Client(server) as owner:
        session = await start(owner)
        with address.listen("127.0.0.1", 0) as listener:
            async with (
                open_endpoint(server, (), EndpointLimits(connections=1, idle_s=0.2)) as app,
                serving(make_app(app, app, Doorkeeper()), listener),
                httpx2.AsyncClient(base_url=address.url(listener), verify=False) as http,
            ):
                connection = await subscribed_by_hand(http, uris_of(session)[0])
                assert server.updates.followers == 1
                if leaves == "with a word":
                    await http.delete("/mcp", headers=connection)
                await until(lambda: server.updates.followers == 0)


async def subscribed_by_hand(http: httpx2.AsyncClient, uri: str) -> dict[str, str]:
    """The headers of a connection that has subscribed and listens to nothing."""
    opened = await http.post("/mcp", json=message("initialize", HANDSHAKE), headers=ACCEPTED)
    headers = {**ACCEPTED, "Mcp-Session-Id": opened.headers["Mcp-Session-Id"]}
    await http.post("/mcp", json={"jsonrpc": "2.0", "method": "notifications/initialized"}, headers=headers)
    answer = await http.post("/mcp", json=message("resources/subscribe", {"uri": uri}), headers=headers)
    assert '"result"' in answer.text
    return headers


def message(method: str, params: Mapping[str, object]) -> dict[str, object]:
    return {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
