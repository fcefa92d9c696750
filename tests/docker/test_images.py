"""Docker's images, really built."""

import secrets
import tarfile
from pathlib import Path

import anyio
import pytest

from mlgym_mcp.errors import BackendUnavailable, SetupError
from mlgym_mcp.sandbox import process, profiles
from mlgym_mcp.sandbox.docker import open_engine
from mlgym_mcp.sandbox.images import Images
from mlgym_mcp.sandbox.profiles import Profile
from tests.cli.terminal import printed
from tests.data.serving import serving
from tests.sandbox.tiny import INDEX

pytestmark = pytest.mark.docker


async def test_the_plain_image_runs_python_as_nobody_of_the_host() -> None:
    with anyio.fail_after(300):
        async with open_engine() as engine:
            tag = (await Images(engine).built(profiles.load("plain"))).id
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
            built = await images.built(plain)
            assert built.id.startswith("sha256:")
            assert await images.built(plain, note) == await images.find(plain) == built
    assert not lines


async def test_packages_come_from_the_users_mirror_whose_password_no_image_keeps(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    profile, secret = Profile("tiny", "tiny==1.0"), "word-that-nobody-may-see"
    with serving(INDEX) as mirror, anyio.fail_after(300):
        monkeypatch.setenv("PIP_INDEX_URL", mirror.url("simple").replace("://", f"://me:{secret}@"))
        async with open_engine() as engine:
            tag = (await Images(engine).built(profile)).id
            try:
                ran = await process.run(["docker", "run", "--rm", "--network", "none", tag, "tiny"])
                history = await process.run(["docker", "history", "--no-trunc", tag])
            finally:
                await process.run(["docker", "image", "rm", tag])
    stages = await process.run(["docker", "images", "--quiet", "--filter", "label=mlgym-mcp.build"])
    assert ran.output == "tiny works"
    assert "COPY" in history.output and secret not in history.output
    assert stages.output == ""


async def test_a_build_that_fails_says_why() -> None:
    with anyio.fail_after(300):
        async with open_engine() as engine:
            with pytest.raises(SetupError, match="could not be built"):
                await Images(engine).built(Profile("broken", "this is no requirement"))


async def test_no_engine_is_told_from_a_failing_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///nonexistent/docker.sock")
    with pytest.raises(BackendUnavailable, match="no Docker engine answers"):
        async with open_engine():
            pass


async def test_an_image_that_no_profile_asks_for_goes_unless_a_container_is_made_of_it(tmp_path: Path) -> None:
    tag, nothing = f"mlgym-mcp-nobody:{secrets.token_hex(6)}", tmp_path / "nothing.tar"
    tarfile.open(nothing, "w").close()
    await process.run(["docker", "import", str(nothing), tag])
    container = (await process.run(["docker", "create", tag, "true"])).output.strip()
    async with open_engine() as engine:
        images = Images(engine)
        assert {one.tag: asked_for for one, asked_for in (await images.all()).items()}[tag] is False
        assert not await engine.remove_image(tag)
        await process.run(["docker", "rm", container])
        assert await engine.remove_image(tag)
        assert tag not in {one.tag for one in await images.all()}


def test_an_image_is_checked_in_a_sandbox_made_of_it(tmp_path: Path) -> None:
    folders = {"MLGYM_MCP_DATA_DIR": str(tmp_path / "data"), "MLGYM_MCP_CACHE_DIR": str(tmp_path / "cache")}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in folders.items():
            patch.setenv(name, value)
        printed("images", "build", "plain")
        found = printed("images", "check", "plain").splitlines()[-1].split()
        listed = printed("images", "list")
    assert found[:2] + found[4:7] == ["plain", "ok", "3.11.2", "0", "CPU"]
    assert found[-1].startswith("sha256:") and found[-1] in listed
