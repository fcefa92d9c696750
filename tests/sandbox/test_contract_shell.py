"""The shell: what persists between commands, and what becomes of it when it ends."""

from pathlib import Path

import pytest

from mlgym_mcp.sandbox.base import WORKSPACE
from tests.sandbox.boxes import every_sandbox, every_sandbox_and_the_fake, open_box


@every_sandbox_and_the_fake
async def test_directory_and_variables_persist(kind: str, tmp_path: Path) -> None:
    async with open_box(kind, tmp_path) as box:
        assert (await box.run("x=kept; cd /tmp")).cwd == "/tmp"
        assert await box.output("pwd; echo $x") == "/tmp\nkept\n"


@every_sandbox
async def test_functions_options_and_arrays_persist(kind: str, tmp_path: Path) -> None:
    async with open_box(kind, tmp_path) as box:
        await box.run("greet() { echo hello $1; }; declare -A map=([k]=v); shopt -s nullglob")
        assert await box.output("greet you; echo ${map[k]}; echo *.none") == "hello you\nv\n\n"


@every_sandbox_and_the_fake
async def test_a_shell_begins_in_the_workspace(kind: str, tmp_path: Path) -> None:
    async with open_box(kind, tmp_path) as box:
        result = await box.run("pwd")
        assert (result.head, result.cwd) == (f"{WORKSPACE}\n".encode(), WORKSPACE)


@every_sandbox
@pytest.mark.parametrize(
    ("command", "exit_code"),
    [
        ("exit 7", 7),
        ("exec true", 0),
        ("set -e; false", 1),
        ("set -u; echo $NO_SUCH_VARIABLE", 1),
        ("kill -9 $$", -9),
        ("(while :; do sleep 1; done) & exit 4", 4),
    ],
)
async def test_a_command_that_ends_the_shell_leaves_a_fresh_one_with_directory_and_exports(
    kind: str, command: str, exit_code: int, tmp_path: Path
) -> None:
    async with open_box(kind, tmp_path) as box:
        await box.run("mkdir 'a b' && cd 'a b' && export KEPT=\"it's 1\nor 2\" && lost=1")
        result = await box.run(command)
        assert (result.exit_code, result.shell_lost, result.running) == (exit_code, True, False)
        assert await box.output('pwd; echo "$KEPT"; echo "${lost-gone}"') == f"{WORKSPACE}/a b\nit's 1\nor 2\ngone\n"
        assert not (await box.run("true")).shell_lost


@every_sandbox
async def test_a_fresh_shell_whose_directory_is_gone_begins_in_the_workspace(kind: str, tmp_path: Path) -> None:
    async with open_box(kind, tmp_path) as box:
        await box.run("mkdir there; cd there")
        await box.run("rmdir ../there; exit")
        assert await box.output("pwd") == f"{WORKSPACE}\n"


@every_sandbox
async def test_the_directory_is_the_kernels_not_the_variables(kind: str, tmp_path: Path) -> None:
    async with open_box(kind, tmp_path) as box:
        assert (await box.run("cd /tmp; PWD=/nonsense")).cwd == "/tmp"


@every_sandbox
async def test_a_directory_whose_name_is_no_text_does_no_harm(kind: str, tmp_path: Path) -> None:
    async with open_box(kind, tmp_path) as box:
        result = await box.run("mkdir $'\\377\\n'; cd $'\\377\\n'")
        assert result.cwd.encode().startswith(WORKSPACE.encode())
        await box.run("exit")
        assert (await box.run("pwd")).head == f"{WORKSPACE}/".encode() + b"\xff\n\n"


@every_sandbox
async def test_the_environment_is_built_not_inherited(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SERVERS_SECRET", "secret")
    async with open_box(kind, tmp_path) as box:
        seen = dict(line.split("=", 1) for line in (await box.output("env")).splitlines())
        assert "SERVERS_SECRET" not in seen
        assert (seen["HOME"], seen["LANG"]) == (WORKSPACE, "C.UTF-8")


@every_sandbox
async def test_a_function_in_place_of_our_own_means_costs_only_that_shell(kind: str, tmp_path: Path) -> None:
    async with open_box(kind, tmp_path) as box:
        overrun = await box.run("builtin() { :; }", wait_s=0.5)
        assert overrun.running
        await box.guest.job_kill(overrun.job)
        assert await box.output("echo fine") == "fine\n"


@every_sandbox
async def test_the_outer_end_of_a_command_does_not_reach_the_next(kind: str, tmp_path: Path) -> None:
    async with open_box(kind, tmp_path) as box:
        await box.run("exec 3>note; echo one >&3")
        await box.run("echo two >&3; exec 3>&-")
        assert await box.guest.read("note", max_size=100) == b"one\ntwo\n"
