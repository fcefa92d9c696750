"""Docker's images, really built."""

import anyio
import pytest

from mlgym_mcp.errors import BackendUnavailable, SetupError
from mlgym_mcp.sandbox import process, profiles
from mlgym_mcp.sandbox.docker import open_engine
from mlgym_mcp.sandbox.images import Images
from mlgym_mcp.sandbox.profiles import Profile

pytestmark = pytest.mark.docker


async def test_the_plain_image_runs_python_as_nobody_of_the_host() -> None:
    with anyio.fail_after(300):
        async with open_engine() as engine:
            tag = await Images(engine).build(profiles.load("plain"))
        program = "id -u; python3 -c 'print(40 + 2)'; touch /workspace/mine /outputs/mine && pwd; ls -A /env | wc -l"
        ended = await process.run(["docker", "run", "--rm", "--network", "none", tag, "bash", "-c", program])
    assert ended.output.split() == ["10001", "42", "/workspace", "0"]


async def test_an_image_that_is_there_is_not_built_again() -> None:
    plain, lines = profiles.load("plain"), []

    async def note(line: str) -> None:
        lines.append(line)

    with anyio.fail_after(300):
        async with open_engine() as engine:
            images = Images(engine)
            await images.build(plain)
            await images.build(plain, note)
            assert await images.find(plain)
            assert (await images.digest(plain)).startswith("sha256:")
    assert not lines


async def test_an_image_that_is_not_there_names_the_command_that_builds_it() -> None:
    async with open_engine() as engine:
        with pytest.raises(SetupError, match="mlgym-mcp images build unbuilt"):
            await Images(engine).digest(Profile("unbuilt", "no-such-package"))


async def test_a_build_that_fails_says_why() -> None:
    with anyio.fail_after(300):
        async with open_engine() as engine:
            with pytest.raises(SetupError, match="could not be built"):
                await Images(engine).build(Profile("broken", "this is no requirement"))


async def test_no_engine_is_told_from_a_failing_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///nonexistent/docker.sock")
    with pytest.raises(BackendUnavailable, match="no Docker engine answers"):
        async with open_engine():
            pass
