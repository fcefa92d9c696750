"""Subscriptions to resources: by `subscriptions/listen` in the newest revision, one by one in those before it.

Whoever subscribes to a resource must be able to read it: an update tells that it is there and that something is done.
"""

import re
from typing import Any, TypeAlias

from mcp.server import MCPServer
from mcp.server.connection import Connection
from mcp.server.context import HandlerResult, ServerRequestContext
from mcp.server.lowlevel.server import Server
from mcp.shared.exceptions import MCPError
from mcp.types import (
    INTERNAL_ERROR,
    INVALID_PARAMS,
    EmptyResult,
    SetLevelRequestParams,
    SubscribeRequestParams,
    SubscriptionsListenRequestParams,
    UnsubscribeRequestParams,
)

from mlgym_mcp.errors import Forbidden, MLGymError, UnknownSession, UnknownTask
from mlgym_mcp.tools.desk import AT_ONCE, Desk
from mlgym_mcp.tools.leaderboards import ranked_task
from mlgym_mcp.tools.reply import told
from mlgym_mcp.tools.updates import MAX_URIS, Updates

Incoming: TypeAlias = ServerRequestContext[Any, Any]

SESSION = re.compile(r"mlgym://sessions/([^/]+)(?:/trajectory)?")
LEADERBOARD = re.compile(r"mlgym://leaderboard/([^/]+)")
LONGEST_URI = 1000
TOO_MANY = (
    f"At most {MAX_URIS} resources can be subscribed to at once, each by a URI of {LONGEST_URI} characters or less."
)


def add_subscriptions(server: MCPServer[Any], desk: Desk, updates: Updates) -> None:
    """Let a server's clients subscribe to what they may read; the server's bus must be that of `updates`."""
    low_level = _low_level(server)
    listening = low_level.get_request_handler("subscriptions/listen")
    assert listening is not None

    async def listen(context: Incoming, params: SubscriptionsListenRequestParams) -> HandlerResult:
        uris = params.notifications.resource_subscriptions or []
        if len(uris) > MAX_URIS or any(len(uri) > LONGEST_URI for uri in uris):
            raise MCPError(INVALID_PARAMS, TOO_MANY)
        for uri in uris:
            await _fires(desk, uri)
        with updates.listened_to():
            return await listening.handler(context, params)

    async def subscribe(context: Incoming, params: SubscribeRequestParams) -> EmptyResult:
        if await _fires(desk, params.uri) and not updates.follow(_connection(context), params.uri):
            raise MCPError(INVALID_PARAMS, TOO_MANY)
        return EmptyResult()

    async def unsubscribe(context: Incoming, params: UnsubscribeRequestParams) -> EmptyResult:
        updates.unfollow(_connection(context), params.uri)
        return EmptyResult()

    low_level.add_request_handler("subscriptions/listen", SubscriptionsListenRequestParams, listen)
    low_level.add_request_handler("resources/subscribe", SubscribeRequestParams, subscribe)
    low_level.add_request_handler("resources/unsubscribe", UnsubscribeRequestParams, unsubscribe)
    low_level.add_request_handler("logging/setLevel", SetLevelRequestParams, _set_level)


async def _set_level(context: Incoming, params: SetLevelRequestParams) -> EmptyResult:
    """Accept it, without effect: nothing is ever logged to clients, and some fail where it is refused."""
    return EmptyResult()


async def _fires(desk: Desk, uri: str) -> bool:
    """Whether updates of this URI are ever sent; any other may be subscribed to all the same.

    Raises:
        MCPError: the caller can't read what it names; as reading it says.
    """
    try:
        if named := SESSION.fullmatch(uri):
            desk.guard.require("attempt")
            await desk.handles.session(named[1], AT_ONCE)
        elif named := LEADERBOARD.fullmatch(uri):
            desk.guard.require("read")
            await ranked_task(desk, named[1])
        return named is not None
    except (Forbidden, UnknownTask, UnknownSession) as error:
        raise MCPError(INVALID_PARAMS, told(error), {"uri": uri}) from error
    except MLGymError as error:
        raise MCPError(INTERNAL_ERROR, told(error), {"uri": uri}) from error


# `MCPServer` has no way of its own to serve these methods, and a request's context none to say which connection it came
# by. What the SDK keeps to itself is reached for in these two functions and nowhere else.


def _low_level(server: MCPServer[Any]) -> Server[Any]:
    return server._lowlevel_server


def _connection(context: Incoming) -> Connection:
    return context.session._connection
