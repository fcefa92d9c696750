"""The connection to a cluster: this process as one of its drivers, and how it waits for answers of actors."""

import logging
import signal
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from typing import Any, TypeVar

import anyio
import structlog
from anyio import CapacityLimiter, to_thread

from mlgym_mcp.errors import BackendUnavailable, MLGymError, SandboxError, SandboxGone

T = TypeVar("T")

NAMESPACE = "mlgym-mcp"
"""Ray's own for names of actors; placement groups have theirs in it, too."""
INSTALL = "pip install 'mlgym-mcp[ray]'"
START = "start one (ray start --head), or name another by MLGYM_MCP_RAY_ADDRESS"
TOKEN = "give this process the cluster's token: RAY_AUTH_MODE=token, and ~/.ray/auth_token"
CONNECT_LIMIT = 5.0
"""Seconds within which the head's port must answer."""
ANSWER_LIMIT = 30.0
"""Seconds within which an actor answers that lives, or the head."""
_THREADS = CapacityLimiter(40)
"""Of its own: all may wait for a head that is away, and others' work goes on."""
NO_ANSWER = "the sandbox's node gives no answer"

log = structlog.get_logger(__name__)


class Unreachable(SandboxGone):
    """Raised when an actor gives no answer, and nobody can tell whether it lives."""


@asynccontextmanager
async def open_cluster(address: str) -> AsyncIterator[None]:
    """Be a driver of a cluster while the block runs. Blocks within one another share the connection.

    Raises:
        BackendUnavailable: Ray is not installed, or no cluster answers.
    """
    try:
        import ray
    except ImportError:
        raise BackendUnavailable("Ray is not installed", INSTALL) from None
    if ray.is_initialized():
        yield
        return
    await _require_listener(address)
    await to_thread.run_sync(_connect, address)
    if threading.current_thread() is threading.main_thread():
        # Ray puts a handler of its own beneath Python's, which ends the process three seconds after a SIGTERM.
        signal.signal(signal.SIGTERM, signal.getsignal(signal.SIGTERM))
    try:
        yield
    finally:
        with anyio.CancelScope(shield=True):
            await to_thread.run_sync(ray.shutdown)


async def _require_listener(address: str) -> None:
    """Find out in time that nobody listens at an address, for which Ray takes minutes."""
    host, _, port = address.rpartition(":")
    if not (host and port.isdecimal()):
        return
    try:
        with anyio.fail_after(CONNECT_LIMIT):
            await (await anyio.connect_tcp(host, int(port))).aclose()
    except (OSError, ValueError):  # a TimeoutError is an OSError
        raise BackendUnavailable(f"no Ray cluster answers at {address!r}", START) from None


def _connect(address: str) -> None:
    # In a thread: on the main one Ray would take SIGTERM, which is for the server to handle.
    import ray
    from ray.exceptions import AuthenticationError, RayError

    # It would warn that it does not take SIGTERM, and that an actor ends with its place, as it should.
    logging.getLogger("ray").setLevel(logging.ERROR)
    try:
        ray.init(address=address, namespace=NAMESPACE, log_to_driver=False, configure_logging=False)
    except (ConnectionError, RuntimeError, ValueError, RayError) as error:  # also: of another version, or a wrong token
        told = " ".join(str(error).split())[:300]
        fix = TOKEN if isinstance(error, AuthenticationError) else START
        raise BackendUnavailable(f"no Ray cluster can be used at {address!r}: {told}", fix) from None


async def answer(reference: Any, *, within: float = ANSWER_LIMIT) -> Any:
    """What an actor answers.

    Raises:
        SandboxGone: it has ended.
        Unreachable: it gives no answer, for now.
        MLGymError: as the actor raised it.
    """
    from ray.exceptions import ActorUnavailableError, RayActorError, RayError, RayTaskError

    try:
        with anyio.fail_after(within):
            return await reference
    except RayTaskError as error:
        if isinstance(error.cause, MLGymError):
            raise error.cause from None
        log.warning("cluster_actor_failed", reason=str(error.cause))
        raise SandboxError(f"an actor of the cluster failed: {error.cause}") from None
    except RayActorError as error:
        kind = Unreachable if isinstance(error, ActorUnavailableError) else SandboxGone
        raise kind(f"an actor of the cluster is gone: {first_line(error)}") from None
    except RayError as error:
        raise Unreachable(f"{NO_ANSWER}: {first_line(error)}") from None
    except TimeoutError:
        raise Unreachable(NO_ANSWER) from None


async def asked(question: Callable[..., T], *arguments: Any, **named: Any) -> T:
    """What the head answers to a call of Ray's that blocks; an answer that comes too late is not waited for.

    Raises:
        SandboxError: it gives none.
    """
    with _answered(), anyio.fail_after(ANSWER_LIMIT):
        call = partial(question, *arguments, **named)
        return await to_thread.run_sync(call, abandon_on_cancel=True, limiter=_THREADS)


async def done(order: Callable[..., T], *arguments: Any, **named: Any) -> T:
    """The same for what makes something: whoever is cancelled meanwhile has it all the same, and can remove it.

    Raises:
        SandboxError: the head gives no answer.
    """
    with _answered():
        return await to_thread.run_sync(partial(order, *arguments, **named), limiter=_THREADS)


@contextmanager
def _answered() -> Iterator[None]:
    from ray.exceptions import RayError

    try:
        yield
    except (RayError, TimeoutError) as error:
        raise SandboxError(f"the cluster's head gives no answer: {first_line(error)}") from None


def first_line(error: BaseException) -> str:
    """What an error of Ray's says before its traceback."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:300]
