"""The connection to a cluster: this process as one of its drivers, and how it waits for answers of actors."""

import logging
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from typing import Any, TypeVar

import anyio
import structlog
from anyio import to_thread

from mlgym_mcp.errors import BackendUnavailable, MLGymError, SandboxError, SandboxGone

T = TypeVar("T")

NAMESPACE = "mlgym-mcp"
"""Ray's own for names of actors; placement groups have theirs in it, too."""
INSTALL = "pip install 'mlgym-mcp[ray]'"
ANSWER_LIMIT = 30.0
"""Seconds within which an actor answers that lives, or the head."""
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
    await to_thread.run_sync(_connect, address)
    try:
        yield
    finally:
        with anyio.CancelScope(shield=True):
            await to_thread.run_sync(ray.shutdown)


def _connect(address: str) -> None:
    # In a thread: on the main one Ray would take SIGTERM, which is for the server to handle.
    import ray

    # It would warn that it does not take SIGTERM, and that an actor ends with its place, as it should.
    logging.getLogger("ray").setLevel(logging.ERROR)
    try:
        ray.init(address=address, namespace=NAMESPACE, log_to_driver=False, configure_logging=False)
    except (ConnectionError, RuntimeError, ValueError) as error:  # RuntimeError: of another version of Python or Ray
        told = " ".join(str(error).split())[:300]
        start = "start one (ray start --head), or name another: --ray-address"
        raise BackendUnavailable(f"no Ray cluster can be used at {address!r}: {told}", start) from None


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
        return await to_thread.run_sync(partial(question, *arguments, **named), abandon_on_cancel=True)


async def done(order: Callable[..., T], *arguments: Any, **named: Any) -> T:
    """The same for what makes something: whoever is cancelled meanwhile has it all the same, and can remove it.

    Raises:
        SandboxError: the head gives no answer.
    """
    with _answered():
        return await to_thread.run_sync(partial(order, *arguments, **named))


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
