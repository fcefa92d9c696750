"""Why no Docker engine answers, told by what its socket did, and what mends that."""

import shutil
import sys
from collections.abc import Iterator

from mlgym_mcp.errors import BackendUnavailable
from mlgym_mcp.sandbox import machine

USUAL = "unix:///var/run/docker.sock"
SHARE = "--volume /var/run/docker.sock:/var/run/docker.sock"
JOIN = "usermod --append --groups docker $(id -un), then log in again"


def unanswered(error: BaseException, host: str | None) -> BackendUnavailable:
    """What to raise when an engine was asked and this came of it; `host` is what DOCKER_HOST says, if it does."""
    where = (host or USUAL).replace("http+unix://", "unix://")
    found = next(filter(lambda one: isinstance(one, OSError) and one.errno is not None, _within(error)), None)
    if isinstance(found, PermissionError):
        return BackendUnavailable(f"no Docker engine answers: this user may not use {where}", JOIN)
    if isinstance(found, FileNotFoundError):
        return BackendUnavailable(f"no Docker engine answers: there is no {where}", _start(host, absent=True))
    if isinstance(found, ConnectionRefusedError):
        return BackendUnavailable(f"no Docker engine answers: nobody listens at {where}", _start(host, absent=False))
    return BackendUnavailable(f"no Docker engine answers at {where}: {error}", _start(host, absent=False))


def _start(host: str | None, *, absent: bool) -> str:
    if host is not None:
        return "start the engine that DOCKER_HOST names, or unset DOCKER_HOST"
    if sys.platform != "linux":
        return "start Docker Desktop"
    if not absent or shutil.which("dockerd") is not None:
        return "systemctl start docker"
    if machine.in_container():
        return f"give this container the engine's socket: docker run {SHARE} …"
    return "apt-get install docker.io"


def _within(error: BaseException) -> Iterator[BaseException]:
    """An error, and all that it was made of: the SDK wraps what the socket said several times."""
    yield error
    for inner in (*error.args, error.__cause__, error.__context__):
        if isinstance(inner, BaseException):
            yield from _within(inner)
