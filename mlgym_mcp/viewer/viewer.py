"""The viewer as a part of an HTTP server: which of its addresses answers what."""

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeAlias
from urllib.parse import quote

import structlog
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route, request_response

from mlgym_mcp.auth.credential import Refused
from mlgym_mcp.errors import SetupError, StoreError
from mlgym_mcp.viewer.door import Door
from mlgym_mcp.viewer.entrance import Entrance
from mlgym_mcp.viewer.files import static_file
from mlgym_mcp.viewer.live import Live
from mlgym_mcp.viewer.page import Content, Download, Elsewhere, NotHere, Page
from mlgym_mcp.viewer.pages import PAGES
from mlgym_mcp.viewer.protection import Protected
from mlgym_mcp.viewer.reading import Reading, Shelf
from mlgym_mcp.viewer.rendering import Rendering
from mlgym_mcp.viewer.visit import Visit
from mlgym_mcp.viewer.visitor import Visitor
from mlgym_mcp.viewer.watch import ListWatch, SessionWatch
from mlgym_mcp.web.body import BODY_TIME
from mlgym_mcp.web.patient import Patient

FAILED = "This page can't be made of what is recorded; the server's log says why."

log = structlog.get_logger(__name__)

Answer: TypeAlias = Callable[[Request], Awaitable[Response]]


class Viewer:
    """Shows a data folder to whom its entrance lets in."""

    def __init__(
        self,
        shelf: Shelf,
        entrance: Entrance,
        *,
        names: Sequence[str] = (),
        more: Sequence[Page] = (),
        over: Callable[[], bool] = lambda: False,
    ) -> None:
        """What it shows.

        Args:
            shelf: The data folder and the tasks.
            entrance: Who is let in.
            names: The host names that requests may call it by; none: any name.
            more: Pages beside those of every viewer.
            over: Whether the server is ending, so that nobody is to be kept watching.
        """
        self._names = names
        self._pages = (*PAGES, *more)
        self._rendering = Rendering({"navigation": [page for page in self._pages if page.name]})
        self._reading = Reading(shelf)
        self._door = Door(entrance, self._rendering)
        self._live = Live(self._reading, self._door, over)

    def routes(self) -> list[BaseRoute]:
        """Its addresses."""
        return [
            self._route("/static/{name}", static_file),
            self._route("/sign-in", self._door.sign_in, "GET", "POST"),
            self._route("/sign-out", self._door.sign_out, "POST"),
            self._route("/live", self._list),
            self._route("/sessions/{session}/live", self._session),
            *(self._route(page.path, self._answering(page)) for page in self._pages),
        ]

    def _route(self, path: str, answer: Answer, *methods: str) -> Route:
        patient = Patient(request_response(answer), BODY_TIME)
        route = Route(path, Protected(patient, self._names), methods=list(methods or ("GET",)))
        if route.methods is not None:  # a look ahead would use up an address that works once, or begin to watch
            route.methods.discard("HEAD")
        return route

    async def _list(self, request: Request) -> Response:
        return await self._live.answer(request, ListWatch(self._rendering))

    async def _session(self, request: Request) -> Response:
        told = request.headers.get("last-event-id") or request.query_params.get("after", "")
        seen = int(told) if told.isascii() and told.isdecimal() and len(told) < 10 else 0
        return await self._live.answer(request, SessionWatch(self._rendering, request.path_params["session"], seen))

    def _answering(self, page: Page) -> Answer:
        async def answer(request: Request) -> Response:
            try:
                visitor = await self._door.visitor(request)
            except Refused as refusal:
                return self._door.closed(request, refusal)
            if (why := visitor.refusal(page.scope)) is not None:
                return self._sentence("Not with this token", why, visitor, 403)
            if (why := page.refusal(visitor)) is not None:
                return self._sentence("Not here", why, visitor, 404)

            def made(visit: Visit) -> Response:
                return self._made(page, visit, request.url.path)

            try:
                return await self._reading.look(visitor, request.path_params, request.query_params, made)
            except (SetupError, StoreError) as error:
                return self._sentence("Can't be read", error, visitor, 503)
            except Exception:  # noqa: BLE001 - whatever others have written, the page says that it can't be shown
                log.exception("page_failed", path=page.path)
                return self._sentence("Can't be shown", FAILED, visitor, 500)

        return answer

    def _made(self, page: Page, visit: Visit, here: str) -> Response:
        try:
            found = page.show(visit)
        except NotHere as error:
            return self._sentence("Not here", error, visit.visitor, 404)
        if isinstance(found, Elsewhere):
            return RedirectResponse(found.path, status_code=303)
        if isinstance(found, Download):
            disposition = f"attachment; filename*=UTF-8''{quote(found.name)}"
            return Response(found.content, media_type=found.media_type, headers={"Content-Disposition": disposition})
        return self._shown(found, visit.visitor, here)

    def _sentence(self, title: str, error: object, visitor: Visitor, status: int) -> Response:
        return self._shown(Content("sentence.html.j2", title, {"sentence": str(error)}, status), visitor, "")

    def _shown(self, content: Content, visitor: Visitor, here: str) -> Response:
        facts = {"title": content.title, "visitor": visitor, "here": here, **content.facts}
        return HTMLResponse(self._rendering.page(content.template, facts), status_code=content.status)
