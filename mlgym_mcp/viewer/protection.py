"""What keeps pages to whom they are for: names that they may be called by, where forms come from, what browsers do."""

from collections.abc import Sequence
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # Not `no-referrer`, which takes the origin away from forms, too, by which we know them over plain HTTP.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
WRONG_NAME = "This server is not known by the name in this request's address; its operator may allow it: allowed_hosts."
FROM_ELSEWHERE = "This form was sent from another site, and is not taken."


class Protected:
    """An app whose pages no other site can read, frame, or send forms to."""

    def __init__(self, app: ASGIApp, names: Sequence[str] = ()) -> None:
        """`names`: the host names that requests may call it by; none: any name."""
        self._app = app
        self._names = frozenset(names)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        headers = Headers(scope=scope)
        app = self._app
        if self._names and _host(headers.get("host", "")) not in self._names:
            app = PlainTextResponse(WRONG_NAME, status_code=421)
        elif scope["method"] == "POST" and not _own(headers):
            app = PlainTextResponse(FROM_ELSEWHERE, status_code=403)

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                told = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    told.setdefault(name, value)
            await send(message)

        await app(scope, receive, answer)


def _host(value: str) -> str:
    """A host's name without its port."""
    name, _, port = value.rpartition(":")
    return name if port.isdecimal() else value


def _own(headers: Headers) -> bool:
    """Whether a form was sent by a page of ours; a program says nothing of where it is."""
    site, origin = headers.get("sec-fetch-site"), headers.get("origin")
    if site is not None:
        return site == "same-origin"
    return origin is None or urlsplit(origin).netloc == headers.get("host")
