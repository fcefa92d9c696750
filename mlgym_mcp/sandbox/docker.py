"""The door to a Docker engine: the SDK's blocking calls, each in a thread, and nothing else.

The only module that imports the SDK. Podman's service answers the same calls through `DOCKER_HOST`.
"""

import socket
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import IO, Any, Literal, TypeVar

import docker
import requests
from anyio import CapacityLimiter, from_thread, to_thread
from docker.errors import APIError, DockerException, ImageNotFound, NotFound
from docker.types import DeviceRequest
from docker.utils import kwargs_from_env

from mlgym_mcp.errors import BackendUnavailable, SandboxError, SetupError
from mlgym_mcp.sandbox.images import Built, Image
from mlgym_mcp.sandbox.process import Progress, silent
from mlgym_mcp.sandbox.unanswered import unanswered

T = TypeVar("T")

CALLS = 16
"""Calls to the engine at once."""
ANSWER_LIMIT = 60
"""Seconds the engine may stay silent in one call, builds excepted."""
NVIDIA_RUNTIME = "nvidia"
SHARING = {"", "runc", "crun", NVIDIA_RUNTIME, "io.containerd.runc.v2"}
"""Runtimes whose containers share the engine's kernel, as gVisor's and those of virtual machines don't."""
BUILD_LIMIT = 3600
"""Seconds the engine may stay silent in a build."""


@dataclass(frozen=True, slots=True)
class EngineFacts:
    """What an engine is, and how it is reached."""

    reached: Literal["unix", "tcp", "other"]
    """`other`: what a stream can't be taken from: TLS, SSH."""
    kernel: str
    """The release, as `uname -r` says it."""
    system: str
    runtime: str
    """Under which containers run."""
    runtimes: tuple[str, ...] = ()
    """All it has."""

    @property
    def shares_kernel(self) -> bool:
        """Whether containers run on the engine's own kernel, which then counts their processes one by one."""
        return self.runtime in SHARING


class DockerEngine:
    """A Docker engine. Opens its connection with the first call; `open_engine` also closes it."""

    def __init__(self, *, time_limit: int = ANSWER_LIMIT, runtime: str | None = None) -> None:
        self.runtime = runtime
        """The OCI runtime that containers ask for; None: the engine's default."""
        self._time_limit = time_limit
        self._client: docker.DockerClient | None = None
        self._limiter: CapacityLimiter | None = None
        self._facts: EngineFacts | None = None

    async def version(self) -> str:
        """The engine's version.

        Raises:
            BackendUnavailable: no engine answers.
        """
        return str((await self._call(lambda client: client.version()))["Version"])

    async def facts(self) -> EngineFacts:
        """What the engine is, and how it is reached."""

        def ask(client: docker.DockerClient) -> EngineFacts:
            info = client.api.info()
            kernel, system, runtime = (
                str(info.get(name, "")) for name in ("KernelVersion", "OperatingSystem", "DefaultRuntime")
            )
            runtimes = tuple(info.get("Runtimes") or ())
            return EngineFacts(_reached(client.api.base_url), kernel, system, self.runtime or runtime, runtimes)

        if self._facts is None:
            self._facts = await self._call(ask)
        return self._facts

    async def image(self, tag: str) -> Image | None:
        """The image of this tag; None when there is none."""

        def find(client: docker.DockerClient) -> Image | None:
            try:
                found = client.images.get(tag).attrs
            except ImageNotFound:
                return None
            return Image(found["Id"], found["Size"], found["Config"].get("User", ""))

        return await self._call(find)

    async def tagged(self, pattern: str) -> list[Built]:
        """The images whose tags match a pattern of the engine's."""

        def find(client: docker.DockerClient) -> list[Built]:
            found = client.api.images(filters={"reference": pattern})
            return [Built(tag, one["Size"], one["Created"]) for one in found for tag in one["RepoTags"]]

        return await self._call(find)

    async def remove_image(self, tag: str) -> bool:
        """Remove an image, unless a container is made of it; whether it did."""

        def remove(client: docker.DockerClient) -> bool:
            if client.api.containers(all=True, quiet=True, filters={"ancestor": tag}):
                return False
            client.api.remove_image(tag)
            return True

        return await self._call(remove)

    async def build(
        self,
        context: IO[bytes],
        *,
        tag: str,
        arguments: Mapping[str, str],
        host_network: bool = False,
        progress: Progress = silent,
    ) -> None:
        """Build the context, a tar with a Dockerfile in it.

        Raises:
            SetupError: it could not be built.
        """

        async def tell(line: str) -> None:
            await progress(line)

        def build(client: docker.DockerClient) -> str | None:
            events = client.api.build(
                fileobj=context,
                custom_context=True,
                tag=tag,
                buildargs=dict(arguments),
                network_mode="host" if host_network else None,
                rm=True,
                forcerm=True,
                decode=True,
                timeout=BUILD_LIMIT,
            )
            failure = None
            for event in events:  # to its end even after a failure, for only that closes the stream
                failure = event.get("error", failure)
                if line := str(event.get("stream", "")).strip():
                    from_thread.run(tell, line)
            return failure

        if (failure := await self._call(build)) is not None:
            raise SetupError(f"the image {tag} could not be built: {failure}")

    async def remove_stages(self, label: str) -> None:
        """Remove the images without a tag that have this label (`key=value`), and what only they are made of."""

        def remove(client: docker.DockerClient) -> None:
            for image in client.api.images(quiet=True, filters={"label": label, "dangling": True}):
                client.api.remove_image(image)

        await self._call(remove)

    async def gpu_request(self, uuids: list[str]) -> DeviceRequest:
        """How this engine is asked for GPUs: by NVIDIA's runtime where it has that one, else by CDI."""
        if NVIDIA_RUNTIME in (await self.facts()).runtimes:
            return DeviceRequest(device_ids=uuids, capabilities=[["gpu"]])
        return DeviceRequest(driver="cdi", device_ids=[f"nvidia.com/gpu={uuid}" for uuid in uuids])

    async def create(self, image: str, command: list[str], **options: Any) -> None:
        """Create and start a container; options as the SDK's `containers.run` takes them."""
        await self._call(
            lambda client: client.containers.run(image, command, detach=True, runtime=self.runtime, **options)
        )

    async def running(self, name: str) -> bool:
        """Whether there is a container of this name, and it runs."""

        def look(client: docker.DockerClient) -> bool:
            try:
                return bool(client.api.inspect_container(name)["State"]["Running"])
            except NotFound:
                return False

        return await self._call(look)

    async def logs(self, name: str) -> str:
        """The end of what a container's first process printed."""
        return (await self._call(lambda client: client.api.logs(name, tail=20))).decode(errors="replace").strip()

    async def attach(self, name: str, command: list[str], *, user: str) -> tuple[socket.socket, bytes]:
        """Run a program in a running container: the connection to its input and output, and what came of it already.

        The connection, which is the caller's to close, takes the program's input as it is and gives its output in
        the engine's frames. An engine that is reached over TLS or SSH gives none.
        """

        def run(client: docker.DockerClient) -> tuple[socket.socket, bytes]:
            created = client.api.exec_create(name, command, stdin=True, user=user)
            return _taken(client.api.exec_start(created["Id"], socket=True))

        return await self._call(run)

    async def stats(self, name: str) -> dict[str, Any]:
        """The engine's figures for a running container."""
        return await self._call(lambda client: client.api.stats(name, stream=False, one_shot=True))

    async def names(self, label: str) -> list[str]:
        """The names of all containers with a label (`key=value`), ended ones included."""

        def find(client: docker.DockerClient) -> list[str]:
            found = client.api.containers(all=True, filters={"label": label})
            return [name.removeprefix("/") for item in found for name in item["Names"]]

        return await self._call(find)

    async def remove(self, name: str) -> None:
        """End a container and remove it with its volumes; a no-op when there is none."""

        def remove(client: docker.DockerClient) -> None:
            try:
                client.api.remove_container(name, force=True, v=True)
            except NotFound:
                pass
            except APIError as error:
                if error.status_code != requests.codes.conflict:  # somebody else is removing it
                    raise

        await self._call(remove)

    async def remove_volume(self, name: str) -> None:
        """Remove a volume; a no-op when there is none."""

        def remove(client: docker.DockerClient) -> None:
            try:
                client.api.remove_volume(name, force=True)
            except NotFound:
                pass

        await self._call(remove)

    def close(self) -> None:
        """Close the connections to the engine."""
        if self._client is not None:
            self._client.close()

    async def _call(self, work: Callable[[docker.DockerClient], T]) -> T:
        if self._limiter is None:
            self._limiter = CapacityLimiter(CALLS)

        def call() -> T:
            try:
                if self._client is None:
                    self._client = self._connect()
                return work(self._client)
            except (DockerException, requests.RequestException) as error:
                raise SandboxError(f"the Docker engine said: {error}") from error

        return await to_thread.run_sync(call, limiter=self._limiter)

    def _connect(self) -> docker.DockerClient:
        try:
            return docker.from_env(timeout=self._time_limit)
        except (DockerException, requests.RequestException) as error:
            raise unanswered(error, kwargs_from_env().get("base_url")) from error


@asynccontextmanager
async def open_engine(*, time_limit: int = ANSWER_LIMIT, runtime: str | None = None) -> AsyncIterator[DockerEngine]:
    """An engine that answers: the one of DOCKER_HOST, or this machine's own.

    Raises:
        BackendUnavailable: none answers within `time_limit` seconds, or it doesn't have the OCI runtime.
    """
    engine = DockerEngine(time_limit=time_limit, runtime=runtime)
    try:
        try:
            await engine.version()
            if runtime and runtime not in (there := (await engine.facts()).runtimes):
                raise BackendUnavailable(
                    f"docker_runtime is {runtime!r}, but the Docker engine has: {', '.join(sorted(there))}",
                    "name one of these, or add it to the engine's daemon.json",
                )
        except SandboxError as error:  # something took the connection, and then said nothing or nonsense
            raise unanswered(error, kwargs_from_env().get("base_url")) from error
        yield engine
    finally:
        engine.close()


def _reached(base_url: str) -> Literal["unix", "tcp", "other"]:
    if base_url == "http+docker://localhost":
        return "unix"
    return "tcp" if base_url.startswith("http://") else "other"


def _taken(reader: Any) -> tuple[socket.socket, bytes]:
    """Take a connection that carries no HTTP any more from the SDK, with what the SDK has read of it beyond HTTP."""
    reader._sock.settimeout(0)  # or peeking waits for what is not there yet
    response = reader._response
    early: bytes = response.raw._fp.fp.peek()
    connection = socket.socket(fileno=socket.dup(reader.fileno()))
    connection.setblocking(False)
    response.close()  # its own descriptor: a connection still open would go back to the SDK's pool
    return connection, early
