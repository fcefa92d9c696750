"""A Docker engine, asked from threads: the SDK blocks, so each of its calls goes through `DockerEngine.call`."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import IO, TypeVar

import anyio
import docker
from anyio import from_thread, to_thread
from docker.errors import DockerException, ImageNotFound

from mlgym_mcp.errors import BackendUnavailable, SetupError
from mlgym_mcp.sandbox.process import Progress

T = TypeVar("T")

CALLS_AT_ONCE = 16
"""Threads that may wait for the engine; more only queue up inside it."""


class DockerEngine:
    """One engine. Made by `open_engine`."""

    def __init__(self, client: docker.DockerClient) -> None:
        self.client = client
        self._limiter = anyio.CapacityLimiter(CALLS_AT_ONCE)

    async def call(self, function: Callable[..., T], *args: object) -> T:
        """What a blocking function of the SDK returns."""
        return await to_thread.run_sync(function, *args, limiter=self._limiter)

    async def version(self) -> str:
        """The engine's version, such as `28.2.2`."""
        return str((await self.call(self.client.version))["Version"])

    async def image_id(self, tag: str) -> str | None:
        """The id (`sha256:…`) of the image of this tag; None when there is none."""
        try:
            return (await self.call(self.client.images.get, tag)).id
        except ImageNotFound:
            return None

    async def build(self, context: IO[bytes], *, tag: str, arguments: Mapping[str, str], progress: Progress) -> None:
        """Build the context, a tar with a Dockerfile in it.

        Raises:
            SetupError: it could not be built.
        """

        failure = await self.call(self._follow_build, context, tag, dict(arguments), progress)
        if failure is not None:
            raise SetupError(f"the image {tag} could not be built: {failure}")

    def _follow_build(self, context: IO[bytes], tag: str, arguments: dict[str, str], progress: Progress) -> str | None:
        """Build, in a thread, and tell each line; returns why it failed, or None."""

        async def tell(line: str) -> None:
            await progress(line)

        failure = None
        events = self.client.api.build(
            fileobj=context, custom_context=True, tag=tag, buildargs=arguments, rm=True, forcerm=True, decode=True
        )
        for event in events:  # to its end even after a failure, for only that closes the stream
            failure = event.get("error", failure)
            for line in str(event.get("stream", "")).splitlines():
                from_thread.run(tell, line)
        return failure


@asynccontextmanager
async def open_engine(*, time_limit: float = 60.0) -> AsyncIterator[DockerEngine]:
    """The engine that DOCKER_HOST names, or this machine's own; `time_limit` bounds each of its answers, in seconds.

    Raises:
        BackendUnavailable: none answers.
    """
    try:
        client = await to_thread.run_sync(lambda: docker.from_env(timeout=int(time_limit)))
    except DockerException as error:
        raise BackendUnavailable(f"no Docker engine answers ({error}); start one: systemctl start docker") from error
    try:
        yield DockerEngine(client)
    finally:
        client.close()
