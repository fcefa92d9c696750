"""Where the HTTP server listens, and under which names callers may reach it."""

import errno
import ipaddress
import socket
from collections.abc import Sequence

from mlgym_mcp.errors import SetupError

LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
BACKLOG = 256


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches a host."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def require_guard(host: str, *, guarded: bool) -> None:
    """Check that no stranger could use a server that listens on `host`, if it is not guarded.

    Raises:
        SetupError: some could.
    """
    if not (guarded or is_loopback(host)):
        raise SetupError(
            f"at {host} anybody could use this server; make a token with `mlgym-mcp tokens create NAME`, set "
            "MLGYM_MCP_TOKEN to a secret of its callers, or leave --host out."
        )


def names(host: str, allowed: Sequence[str]) -> tuple[str, ...]:
    """The names that requests may call a server that listens on `host` by; none: any name.

    A page in a browser can be made to reach this machine under a name of its own (DNS rebinding), and is told by it.
    """
    if not allowed and not is_loopback(host):
        return ()
    own = f"[{host}]" if ":" in host else host
    return tuple(dict.fromkeys([*LOOPBACK, own, *allowed]))


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens; `port` 0 takes any that is free.

    Raises:
        SetupError: it can't be had.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise SetupError(f"port {port} of {host} is in use; choose another with --port, or 0 for any.") from None
        raise SetupError(f"the server can't listen on {host}, port {port}: {error.strerror or error}.") from None
    # Connections inherit it. Without, an answer's body waits 40 ms for the acknowledgement of its head.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


def url(listener: socket.socket) -> str:
    """The address of a listening server, as a client on this machine reaches it."""
    host, port = listener.getsockname()[:2]
    if ipaddress.ip_address(host).is_unspecified:
        host = "::1" if ":" in host else "127.0.0.1"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
