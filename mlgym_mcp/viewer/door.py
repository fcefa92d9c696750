"""The door: signing in and out, and what those see who are not let in."""

from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from mlgym_mcp.auth.credential import Refused
from mlgym_mcp.viewer import cookie
from mlgym_mcp.viewer.entrance import Entrance
from mlgym_mcp.viewer.rendering import Rendering
from mlgym_mcp.viewer.visitor import Visitor

LONGEST_FORM = 16 * 1024
"""Bytes."""
TOO_LONG = (
    "This token is too long for a browser to keep; a program may send it as the header `Authorization: Bearer <token>`."
)


class Door:
    """One for all pages."""

    def __init__(self, entrance: Entrance, rendering: Rendering) -> None:
        self._entrance = entrance
        self._rendering = rendering

    async def visitor(self, request: Request) -> Visitor:
        """Who sends a request.

        Raises:
            Refused: it is not let in.
        """
        return await self._entrance.visitor(request)

    async def sign_in(self, request: Request) -> Response:
        """Ask for a token; or take one, and lead on to where its owner wanted to go."""
        if request.method == "POST":
            form = parse_qs((await _body(request)).decode("utf-8", "replace"))
            token, target = form.get("token", [""])[0].strip(), form.get("next", ["/"])[0]
        else:
            token, target = request.query_params.get("secret", ""), request.query_params.get("next", "/")
            if self._entrance.asks or not token:
                return self._asking(request, target)
        try:
            kept = await self._entrance.admit(request, token)
        except Refused as refusal:
            return self._asking(request, target, refusal)
        if len(kept) > cookie.LONGEST:
            return self._asking(request, target, Refused(TOO_LONG, 403))
        answer = RedirectResponse(_own_path(target), status_code=303)
        cookie.keep(request, answer, kept)
        return answer

    async def sign_out(self, request: Request) -> Response:
        """Have the browser forget the token."""
        answer = RedirectResponse("/sign-in", status_code=303)
        cookie.drop(request, answer)
        return answer

    def closed(self, request: Request, refusal: Refused) -> Response:
        """What somebody sees who is not let in where it wanted to go."""
        query = f"?{request.url.query}" if request.url.query else ""
        return self._asking(request, request.url.path + query, refusal)

    def _asking(self, request: Request, target: str, refusal: Refused | None = None) -> Response:
        showed = request.method == "POST" or bool(cookie.held(request)) or "authorization" in request.headers
        facts = {
            "title": "Sign in",
            "visitor": None,
            "here": "",
            "entrance": self._entrance,
            "target": _own_path(target),
            # Who has shown nothing yet is asked, not refused.
            "refusal": str(refusal) if refusal is not None and showed else None,
        }
        status = 200 if refusal is None else refusal.status
        return HTMLResponse(self._rendering.page("sign_in.html.j2", facts), status_code=status)


async def _body(request: Request) -> bytes:
    body = b""
    async for piece in request.stream():
        body += piece
        if len(body) > LONGEST_FORM:
            return b""
    return body


def _own_path(target: str) -> str:
    """Where to go on, if it is on this server."""
    own = target.startswith("/") and not target.startswith(("//", "/\\")) and target.isprintable()
    return target if own else "/"
