"""The cookie in which a browser keeps what it was let in by: out of scripts' reach, never sent along from elsewhere."""

import base64
import binascii
from http.cookies import CookieError, SimpleCookie

from starlette.requests import HTTPConnection
from starlette.responses import Response

NAME = "mlgym-viewer"
SECURE = "__Host-"
"""Begins the name of a cookie that browsers take over TLS only, and for this very host."""
LONGEST = 2800
"""Characters of what it holds: some more in a cookie, of which browsers keep 4096."""


def held(request: HTTPConnection) -> str:
    """What a request's cookie holds; nothing without one."""
    try:
        found = SimpleCookie(request.headers.get("cookie", ""))
    except CookieError:
        return ""
    for name in (SECURE + NAME,) if _over_tls(request) else (SECURE + NAME, _plain_name(request)):
        if name in found:
            try:
                return base64.urlsafe_b64decode(found[name].value + "==").decode()
            except (binascii.Error, UnicodeDecodeError):
                return ""
    return ""


def keep(request: HTTPConnection, answer: Response, value: str) -> None:
    """Have the browser hold this until it ends."""
    secure = _over_tls(request)
    name = SECURE + NAME if secure else _plain_name(request)
    kept = base64.urlsafe_b64encode(value.encode()).decode().rstrip("=")
    answer.set_cookie(name, kept, path="/", secure=secure, httponly=True, samesite="strict")


def drop(request: HTTPConnection, answer: Response) -> None:
    """Have the browser forget it."""
    answer.delete_cookie(SECURE + NAME, path="/", secure=True, httponly=True, samesite="strict")
    answer.delete_cookie(_plain_name(request), path="/", httponly=True, samesite="strict")


def _over_tls(request: HTTPConnection) -> bool:
    """Whether the browser speaks TLS, as far as it, or a proxy that speaks it for us, says."""
    told = (request.headers.get("x-forwarded-proto", ""), request.headers.get("origin", "").partition(":")[0])
    return request.url.scheme == "https" or "https" in told


def _plain_name(request: HTTPConnection) -> str:
    # With the port, for browsers send a cookie to all servers of a host.
    return f"{NAME}-{request.url.port or 80}"
