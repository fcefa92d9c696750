"""Who subscribes to a resource is told when it changes, in every revision, and nobody is told of what isn't theirs."""

import gc
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp import Client, MCPError

from mlgym_mcp.server import open_server
from mlgym_mcp.tools.caller import Caller, calling
from mlgym_mcp.tools.updates import MAX_URIS, Follower
from tests.fakes import TASK, World
from tests.tools.stage import ERAS, Era, connected, services_of, settings_of, start, told
from tests.tools.watch import uris_of, watcher

BOARD = f"mlgym://leaderboard/{TASK}"


@pytest.mark.parametrize("era", ERAS)
async def test_what_is_done_in_a_session_is_announced_to_those_who_watch_it(tmp_path: Path, era: Era) -> None:
    world = World(tmp_path)
    async with open_server(settings_of(world), services_of(world)) as server, watcher(server, era) as watching:
        session = await start(watching.client)
        async with watching.subscribed(*uris_of(session)):
            await told(watching.client, "bash", session=session, command="true")
            await watching.hears(*uris_of(session))
            await told(watching.client, "end", session=session)
            await watching.hears(*uris_of(session))


@pytest.mark.parametrize("era", ERAS)
async def test_a_final_score_is_announced_to_those_who_watch_the_leaderboard(tmp_path: Path, era: Era) -> None:
    world = World(tmp_path)
    async with open_server(settings_of(world), services_of(world)) as server, watcher(server, era) as watching:
        session = await start(watching.client)
        async with watching.subscribed(BOARD, uris_of(session)[0]):
            await told(watching.client, "validate")
            assert BOARD not in await watching.hears(uris_of(session)[0])
            await told(watching.client, "submit")
            await watching.hears(BOARD)


@pytest.mark.parametrize("era", ERAS)
async def test_nothing_is_announced_that_was_not_asked_for_or_no_longer_is(tmp_path: Path, era: Era) -> None:
    world = World(tmp_path)
    async with open_server(settings_of(world), services_of(world)) as server, watcher(server, era) as watching:
        mine, other = await start(watching.client), await start(watching.client)
        async with watching.subscribed(uris_of(mine)[1]):
            async with watching.subscribed(*uris_of(other)):
                await told(watching.client, "bash", session=other, command="true")
                await watching.hears(*uris_of(other))
            await told(watching.client, "bash", session=mine, command="true")
            await watching.hears(uris_of(mine)[1])  # so that nothing of `other` is still on its way
            await told(watching.client, "bash", session=other, command="true")
            await told(watching.client, "bash", session=mine, command="true")
            assert set(await watching.hears(uris_of(mine)[1])) == {uris_of(mine)[1]}


async def test_both_eras_hear_of_one_change_whoever_made_it(tmp_path: Path) -> None:
    world = World(tmp_path)
    async with (
        open_server(settings_of(world), services_of(world)) as server,
        Client(server) as agent,
        watcher(server, "auto") as modern,
        watcher(server, "legacy") as legacy,
    ):
        session = await start(agent)
        async with modern.subscribed(*uris_of(session)), legacy.subscribed(*uris_of(session)):
            await told(agent, "bash", command="true")
            await modern.hears(*uris_of(session))
            await legacy.hears(*uris_of(session))


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("uri", [*uris_of("no-such-handle"), "mlgym://leaderboard/no-such-v1"])
async def test_what_cannot_be_read_cannot_be_subscribed_to(tmp_path: Path, era: Era, uri: str) -> None:
    world = World(tmp_path)
    async with open_server(settings_of(world), services_of(world)) as server, watcher(server, era) as watching:
        with pytest.raises(MCPError) as read:
            await watching.client.read_resource(uri)
        with pytest.raises(MCPError) as subscribed:
            async with watching.subscribed(uri):
                pass
        assert subscribed.value.error == read.value.error
        assert server.updates.followers == 0


@pytest.mark.parametrize("era", ERAS)
async def test_a_session_is_watched_by_its_own_principal_only(tmp_path: Path, era: Era) -> None:
    world = World(tmp_path)
    async with open_server(settings_of(world), services_of(world)) as server:
        with calling(Caller("alice")):
            async with Client(server, mode=era) as alice:
                session = await start(alice)
        with calling(Caller("bob")):
            async with watcher(server, era) as bob:
                with pytest.raises(MCPError, match="no session with this handle"):
                    async with bob.subscribed(*uris_of(session)):
                        pass
        with calling(Caller("alice")):
            async with watcher(server, era) as again, again.subscribed(*uris_of(session)):
                await told(again.client, "bash", command="true")
                await again.hears(*uris_of(session))


@pytest.mark.parametrize("era", ERAS)
async def test_a_resource_that_is_none_of_ours_may_be_subscribed_to_and_is_never_announced(
    tmp_path: Path, era: Era
) -> None:
    world = World(tmp_path)
    async with open_server(settings_of(world), services_of(world)) as server, watcher(server, era) as watching:
        session = await start(watching.client)
        async with watching.subscribed("test://watched-resource", uris_of(session)[0]):
            await told(watching.client, "bash", command="true")
            assert set(await watching.hears(uris_of(session)[0])) == {uris_of(session)[0]}


@pytest.mark.parametrize("era", ERAS)
async def test_a_connection_subscribes_to_so_many_resources_and_no_more(tmp_path: Path, era: Era) -> None:
    world = World(tmp_path)
    async with open_server(settings_of(world, max_sessions=MAX_URIS), services_of(world)) as server:
        async with watcher(server, era) as watching:
            sessions = [await start(watching.client) for _ in range(MAX_URIS // 2 + 1)]
            uris = [uri for session in sessions for uri in uris_of(session)]
            async with watching.subscribed(*uris[:MAX_URIS]):
                await told(watching.client, "bash", session=sessions[0], command="true")
                await watching.hears(*uris_of(sessions[0]))
            with pytest.raises(MCPError, match=f"At most {MAX_URIS}"):
                async with watching.subscribed(*uris):
                    pass


async def test_connections_that_are_gone_are_forgotten(tmp_path: Path) -> None:
    world = World(tmp_path)
    async with open_server(settings_of(world), services_of(world)) as server, Client(server) as agent:
        session = await start(agent)
        for _ in range(3):
            async with watcher(server, "legacy") as watching:
                await watching.subscribe(*uris_of(session))
                assert server.updates.followers == 1
            async with watcher(server, "auto") as modern, modern.subscribed(*uris_of(session)):
                pass
            assert server.updates.followers == 0
        gc.collect()
        assert not [found for found in gc.get_objects() if isinstance(found, Follower)]


async def test_a_client_that_does_not_read_holds_up_nobody_else(tmp_path: Path) -> None:
    world = World(tmp_path)
    async with (
        open_server(settings_of(world), services_of(world)) as server,
        Client(server) as agent,
        watcher(server, "legacy") as deaf,
        watcher(server, "legacy") as watching,
    ):
        session = await start(agent)
        await deaf.subscribe(*uris_of(session))
        async with watching.subscribed(*uris_of(session)):
            first = next(iter(server.updates._followers))
            first.outbound = Stuck()
            for _ in range(2):
                await told(agent, "bash", command="true")
                await watching.hears(*uris_of(session))


class Stuck:
    """The way out of a connection whose client reads nothing."""

    async def send_raw_request(self, *_: object) -> dict[str, Any]:
        raise NotImplementedError

    async def notify(self, *_: object) -> None:
        await anyio.sleep_forever()


async def test_older_clients_are_told_what_they_may_ask_for(tmp_path: Path) -> None:
    async with connected(World(tmp_path), era="legacy") as client:
        offered = client.server_capabilities
        assert offered.resources is not None
        assert offered.resources.subscribe is True
        assert offered.logging is not None
        with pytest.warns(match="logging capability is deprecated"):
            await client.set_logging_level("debug")


async def test_clients_of_the_newest_revision_are_told_that_they_may_subscribe(tmp_path: Path) -> None:
    async with connected(World(tmp_path)) as client:
        offered = client.server_capabilities
        assert offered.resources is not None
        assert offered.resources.subscribe is True
