"""The viewer as a part of an HTTP server: which of its addresses answers what."""

import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeAlias
from urllib.parse import quote

import anyio
from anyio import to_thread
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route, request_response

from mlgym_mcp.auth.credential import Refused
from mlgym_mcp.errors import SetupError, StoreError
from mlgym_mcp.store import Records
from mlgym_mcp.tasks.catalog import Catalog
from mlgym_mcp.viewer.door import Door
from mlgym_mcp.viewer.entrance import Entrance
from mlgym_mcp.viewer.files import static_file
from mlgym_mcp.viewer.page import Content, Download, Elsewhere, NotHere, Page
from mlgym_mcp.viewer.pages import PAGES
from mlgym_mcp.viewer.protection import Protected
from mlgym_mcp.viewer.rendering import Rendering
from mlgym_mcp.viewer.visit import Visit
from mlgym_mcp.viewer.visitor import Visitor
from mlgym_mcp.web.app import Patient
from mlgym_mcp.web.body import BODY_TIME

AT_ONCE = 4
"""Pages that are made at once, in threads of their own: the rest of the server goes on meanwhile."""

Answer: TypeAlias = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Shelf:
    """What pages show: a data folder, which is read and never written, and the tasks."""

    folder: Path
    catalog: Catalog
    now: Callable[[], float] = time.time
    """Seconds since the epoch."""


class Viewer:
    """Shows a data folder to whom its entrance lets in."""

    def __init__(
        self, shelf: Shelf, entrance: Entrance, *, names: Sequence[str] = (), more: Sequence[Page] = ()
    ) -> None:
        """What it shows.

        Args:
            shelf: The data folder and the tasks.
            entrance: Who is let in.
            names: The host names that requests may call it by; none: any name.
            more: Pages beside those of every viewer.
        """
        self._shelf = shelf
        self._names = names
        self._pages = (*PAGES, *more)
        self._rendering = Rendering({"navigation": [page for page in self._pages if page.name]})
        self._door = Door(entrance, self._rendering)
        self._turns = anyio.CapacityLimiter(AT_ONCE)

    def routes(self) -> list[BaseRoute]:
        """Its addresses."""
        return [
            self._route("/static/{name}", static_file),
            self._route("/sign-in", self._door.sign_in, "GET", "POST"),
            self._route("/sign-out", self._door.sign_out, "POST"),
            *(self._route(page.path, self._answering(page)) for page in self._pages),
        ]

    def _route(self, path: str, answer: Answer, *methods: str) -> Route:
        patient = Patient(request_response(answer), BODY_TIME)
        return Route(path, Protected(patient, self._names), methods=list(methods or ("GET",)))

    def _answering(self, page: Page) -> Answer:
        async def answer(request: Request) -> Response:
            try:
                visitor = await self._door.visitor(request, page.scope)
            except Refused as refusal:
                return self._door.closed(request, refusal)
            return await to_thread.run_sync(partial(self._made, page, request, visitor), limiter=self._turns)

        return answer

    def _made(self, page: Page, request: Request, visitor: Visitor) -> Response:
        try:
            with Records.read(self._shelf.folder) as records:
                shelf, query = self._shelf, request.query_params
                visit = Visit(visitor, records, shelf.catalog, request.path_params, query, shelf.now(), shelf.folder)
                found = page.show(visit)
        except NotHere as error:
            found = Content("sentence.html.j2", "Not here", {"sentence": str(error)}, status=404)
        except (SetupError, StoreError) as error:
            found = Content("sentence.html.j2", "Can't be read", {"sentence": str(error)}, status=503)
        if isinstance(found, Elsewhere):
            return RedirectResponse(found.path, status_code=303)
        if isinstance(found, Download):
            disposition = f"attachment; filename*=UTF-8''{quote(found.name)}"
            return Response(found.content, media_type=found.media_type, headers={"Content-Disposition": disposition})
        facts = {"title": found.title, "visitor": visitor, "here": request.url.path, **found.facts}
        return HTMLResponse(self._rendering.page(found.template, facts), status_code=found.status)
