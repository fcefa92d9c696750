"""bubblewrap's environments, really built: fast and offline from a package of one module, and `base` as shipped."""

import json
from pathlib import Path

import anyio
import pytest

from mlgym_mcp.errors import SetupError
from mlgym_mcp.sandbox import process, profiles
from mlgym_mcp.sandbox.environments import Environment, Environments, find_interpreter
from mlgym_mcp.sandbox.profiles import Profile
from tests.data.serving import serving
from tests.sandbox.tiny import INDEX, WHEEL, tiny_wheel


def tiny_profile(folder: Path) -> Profile:
    (folder / WHEEL).write_bytes(tiny_wheel())
    return Profile("tiny", f"{folder / WHEEL}\n")


async def environments_in(cache: Path) -> Environments:
    return Environments(cache, await find_interpreter())


async def in_sandbox(environment: Environment, *command: str) -> process.Ended:
    """Run a command where the environment lies at /env and the place where it was made does not exist."""
    system = "--ro-bind /usr /usr --symlink usr/bin /bin --symlink usr/lib /lib --symlink usr/lib64 /lib64 --dev /dev"
    bound = ["--ro-bind", str(environment.folder), "/env", "--tmpfs", "/tmp"]
    variables = ["--clearenv", "--setenv", "PATH", "/env/bin:/usr/bin", "--setenv", "HOME", "/tmp"]
    return await process.run(["bwrap", *system.split(), *bound, *variables, *command])


async def test_the_plain_environment_is_the_bare_interpreter(tmp_path: Path) -> None:
    environment = await (await environments_in(tmp_path)).prepare(profiles.load("plain"))
    assert environment.folder is None
    assert environment.digest.startswith("sha256:")


async def test_an_environment_works_in_a_sandbox_that_sees_it_at_env_alone(tmp_path: Path) -> None:
    with anyio.fail_after(60):
        environment = await (await environments_in(tmp_path / "cache")).prepare(tiny_profile(tmp_path))
        script = await in_sandbox(environment, "tiny")
        module = await in_sandbox(environment, "python3", "-c", "import tiny; print(tiny.__file__)")
    assert (script.output, script.exit_code) == ("tiny works", 0)
    assert module.output.startswith("/env/lib/")
    assert environment.packages == ("tiny==1.0",)


async def test_wheels_of_the_cache_folder_are_found(tmp_path: Path) -> None:
    wheels = tmp_path / "cache/docker/wheels"
    wheels.mkdir(parents=True)
    tiny_profile(wheels)
    with anyio.fail_after(60):
        environment = await (await environments_in(tmp_path / "cache")).prepare(Profile("tiny", "--no-index\ntiny\n"))
    assert environment.packages == ("tiny==1.0",)


async def test_packages_come_from_where_the_users_pip_is_told_to_look(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(INDEX) as mirror, anyio.fail_after(60):
        monkeypatch.setenv("PIP_INDEX_URL", mirror.url("simple"))
        environment = await (await environments_in(tmp_path / "cache")).prepare(Profile("tiny", "tiny==1.0"))
    assert environment.packages == ("tiny==1.0",)


async def test_an_environment_can_be_read_by_every_user(tmp_path: Path) -> None:
    with anyio.fail_after(60):
        environment = await (await environments_in(tmp_path / "cache")).prepare(tiny_profile(tmp_path))
    assert environment.folder is not None
    for path in [environment.folder, *environment.folder.rglob("*")]:
        wanted = 0o005 if path.is_dir() else 0o004
        assert path.stat().st_mode & wanted == wanted, path


async def test_two_preparations_at_once_build_one_environment(tmp_path: Path) -> None:
    profile, built = tiny_profile(tmp_path), []

    async def prepare() -> None:
        # Each has its own locks and state, as two servers on one cache folder would.
        await (await environments_in(tmp_path / "cache")).prepare(profile, note)

    async def note(line: str) -> None:
        if line.startswith("making"):
            built.append(line)

    with anyio.fail_after(60):
        async with anyio.create_task_group() as group:
            group.start_soon(prepare)
            group.start_soon(prepare)
    assert len(built) == 1


async def test_what_cannot_be_installed_leaves_nothing_and_names_the_command(tmp_path: Path) -> None:
    environments = await environments_in(tmp_path / "cache")
    profile = Profile("broken", "this is no requirement\n")
    with anyio.fail_after(60), pytest.raises(SetupError, match="mlgym-mcp env prepare broken"):
        await environments.prepare(profile)
    assert environments.prepared(profile) is None
    assert [path.suffix for path in (tmp_path / "cache/envs").iterdir()] == [".lock"]


async def test_a_build_that_was_cut_off_is_cleared_away_by_the_next(tmp_path: Path) -> None:
    environments, profile = await environments_in(tmp_path / "cache"), tiny_profile(tmp_path)
    with anyio.CancelScope() as scope:

        async def cut_off(_line: str) -> None:
            scope.cancel()

        await environments.prepare(profile, cut_off)
    assert environments.prepared(profile) is None
    with anyio.fail_after(60):
        assert (await environments.prepare(profile)).packages == ("tiny==1.0",)


@pytest.mark.slow
async def test_the_base_environment_has_the_packages_that_it_names(tmp_path: Path) -> None:
    modules = "numpy, pandas, scipy, sklearn, matplotlib"
    with anyio.fail_after(600):
        environments = await environments_in(tmp_path)
        environment = await environments.prepare(profiles.load("base"))
        ended = await in_sandbox(environment, "python3", "-c", f"import {modules}; print(numpy.arange(4).sum())")
    assert (ended.output, ended.exit_code) == ("6", 0)
    assert environments.prepared(profiles.load("base")) == environment
    record = json.loads((Path(str(environment.folder)) / "mlgym-environment.json").read_text())
    assert record["digest"] == environment.digest
