"""A browser without a window on a real server that stands on fakes, and ways to look at its pages."""

import html
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx2

from mlgym_mcp.store import Store
from mlgym_mcp.viewer.naming import public_id
from tests.fakes import World
from tests.web.stage import Site

TAGS = re.compile(r"<[^>]*>")


@asynccontextmanager
async def browsing(served: Site, **headers: str) -> AsyncIterator[httpx2.AsyncClient]:
    """Something that keeps cookies, shows nothing else, and goes where it is sent."""
    async with httpx2.AsyncClient(
        base_url=served.url, headers=headers, follow_redirects=True, timeout=30, verify=False
    ) as http:
        yield http


async def signed_in(http: httpx2.AsyncClient, token: str, to: str = "/") -> httpx2.Response:
    """Sign in by the form; the page that it leads to."""
    return await http.post("/sign-in", data={"token": token, "next": to})


def read(answer: httpx2.Response) -> str:
    """What is read on a page."""
    return " ".join(html.unescape(TAGS.sub(" ", answer.text)).split())


def page_of(world: World, session: str) -> str:
    """The address of a session's page, by its handle."""
    with Store.open(world.folder / "data") as store:
        row = store.sessions.get(session)
        assert row is not None
        return f"/sessions/{public_id(row)}"
