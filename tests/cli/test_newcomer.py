"""What goes wrong in the first ten minutes: each is met for real, told within one screen, and ends in what to do."""

import ast
import os
import shutil
import socket
import subprocess
import sys
import textwrap
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from mcp import Client

import mlgym_mcp
from mlgym_mcp.cli import main
from mlgym_mcp.server import open_server
from mlgym_mcp.settings import Settings
from tests.gateway import text

WIDTH, HEIGHT = 80, 24
CIFAR = "image-classification-cifar10-v1"
Given = Callable[[Path], Mapping[str, str]]
"""Makes the trouble below a folder; the variables that lead there."""


def nothing(_: Path) -> Mapping[str, str]:
    return {}


def config(content: str) -> Given:
    def write(folder: Path) -> Mapping[str, str]:
        (folder / "config.toml").write_text(content)
        return {"MLGYM_MCP_CONFIG": str(folder / "config.toml")}

    return write


def no_engine(folder: Path) -> Mapping[str, str]:
    return {"DOCKER_HOST": f"unix://{folder}/absent.sock"}


def ended_engine(folder: Path) -> Mapping[str, str]:
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(folder / "docker.sock"))
    return {"DOCKER_HOST": f"unix://{folder}/docker.sock"}


def other_file(folder: Path) -> Mapping[str, str]:
    (folder / "data").mkdir()
    (folder / "data/mlgym.sqlite").write_text("hello")
    return {}


@dataclass(frozen=True)
class Mishap:
    """What is typed, what is said of it, and what to do."""

    typed: str
    said: str
    to_do: str
    given: Given = nothing
    variables: Mapping[str, str] = field(default_factory=dict)
    status: int = 1


MISHAPS = {
    "command": Mishap("srve", "No such command", "Did you mean 'serve'", status=2),
    "option": Mishap("serve --htpp", "No such option", "--http", status=2),
    "client": Mishap("connect claude", "'claude' is not one of", "claude-code", status=2),
    "number": Mishap("serve --port many", "--port", "--help", status=2),
    "task": Mishap("tasks show battle-of-sexes", "no task 'battle-of-sexes'", "did you mean 'battle-of-the-sexes-v1'?"),
    "pinned task": Mishap("serve --task blot", "no task 'blot'", "did you mean 'blotto-v1'?"),
    "folder of tasks": Mishap("tasks list --tasks-dir {}/none", "there is no folder", "make it, or leave it out"),
    "profile": Mishap("env prepare tourch", "no environment profile 'tourch'", "torch"),
    "agent": Mishap("run --task blotto-v1 --agent clude --to {}/run", "no kind of agent", "claude-code"),
    "no plan": Mishap("run", "which tasks", "--task"),
    "no run": Mishap("report {}/none", "there is no", "name the folder that `mlgym-mcp run` printed"),
    "setting": Mishap(
        "doctor", "MLGYM_MCP_SANDBX", "did you mean 'sandbox'?", variables={"MLGYM_MCP_SANDBX": "docker"}
    ),
    "value of a setting": Mishap("sessions list", "should be", "'docker'", variables={"MLGYM_MCP_SANDBOX": "dokcer"}),
    "broken config": Mishap("sessions list", "can't be read", "mend it, or move it away", config("port = = 3")),
    "line of config": Mishap("sessions list", "`prot`", "did you mean 'port'?", config("prot = 3")),
    "no config": Mishap("sessions list", "no such file", "MLGYM_MCP_CONFIG", variables={"MLGYM_MCP_CONFIG": "/none"}),
    "option of HTTP": Mishap("serve --port 9000", "--port is for a server over HTTP", "add --http"),
    "strangers": Mishap("serve --http --host 0.0.0.0", "anybody could use", "mlgym-mcp tokens create NAME"),
    "token": Mishap("tokens revoke abc", "no token 'abc'", "mlgym-mcp tokens list"),
    "other database": Mishap("sessions list", "is no database", "move it away", other_file),
    "file for a folder": Mishap("sessions list --data-dir /etc/passwd", "can't be used", "set MLGYM_MCP_DATA_DIR"),
    "no engine": Mishap("images list", "there is no unix://", "unset DOCKER_HOST", no_engine),
    "engine ended": Mishap("images list", "nobody listens", "unset DOCKER_HOST", ended_engine),
    "data": Mishap(
        f"data prepare {CIFAR} --flavour full --sandbox docker", "no Docker engine", "to mend it", no_engine
    ),
}


def one_screen(said: str) -> bool:
    """Whether a text fits a small terminal, and is for people."""
    lines = [line for whole in said.splitlines() for line in textwrap.wrap(whole, WIDTH) or [""]]
    return len(lines) <= HEIGHT and "Traceback" not in said


@pytest.mark.parametrize("mishap", MISHAPS.values(), ids=MISHAPS)
def test_it_is_told_in_one_screen_with_what_to_do(
    mishap: Mishap, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    variables = {"MLGYM_MCP_DATA_DIR": str(tmp_path / "data"), **mishap.variables, **mishap.given(tmp_path)}
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("sys.argv", ["mlgym-mcp", *mishap.typed.format(tmp_path).split()])
    with pytest.raises(SystemExit) as end:
        main()
    said = capsys.readouterr().err
    assert end.value.code == mishap.status
    flat = " ".join(said.replace("│", " ").split())
    assert one_screen(said) and mishap.said in flat and mishap.to_do in flat, said


def test_a_port_in_use_is_told_with_how_to_choose_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        monkeypatch.setattr("sys.argv", ["mlgym-mcp", "serve", "--http", "--port", port, "--data-dir", str(tmp_path)])
        with pytest.raises(SystemExit):
            main()
    assert f"port {port} of 127.0.0.1 is in use; choose another with --port" in capsys.readouterr().err


# ── what only a machine of one's own can have ─────────────────────────────────────────────────────────────────────────

needs_namespaces = pytest.mark.skipif(
    os.geteuid() != 0 or not shutil.which("unshare"), reason="needs unshare, and root who may use it"
)


def typed_where(trouble: str, options: str, typed: str, folder: Path) -> str:
    """What a command says in namespaces of its own, in which a line of shell made trouble first."""
    program = [sys.executable, "-m", "mlgym_mcp", *typed.split()]
    ended = subprocess.run(
        ["unshare", *options.split(), "sh", "-ec", f'{trouble}\nexec "$@"', "sh", *program],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "COLUMNS": "200"}
        | {"MLGYM_MCP_DATA_DIR": str(folder / "data"), "MLGYM_MCP_CACHE_DIR": str(folder / "cache")}
        | {"DOCKER_HOST": f"unix://{folder}/docker.sock"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert ended.returncode == 1, ended.stdout + ended.stderr
    return ended.stdout + ended.stderr


@needs_namespaces
@pytest.mark.parametrize(
    ("trouble", "options", "typed", "said", "to_do"),
    [
        pytest.param(
            "mount --bind /dev/null /usr/bin/bwrap",
            "--mount",
            "data prepare blotto-v1",
            "bubblewrap: it is not at",
            "to mend it: apt-get install bubblewrap",
            id="no bubblewrap and no engine",
        ),
        pytest.param(
            'echo 1 > /proc/sys/user/max_user_namespaces\nset -- unshare --user --map-user=1000 --map-group=1000 "$@"',
            "--user --map-root-user",
            "data prepare blotto-v1",
            "bubblewrap: this machine has run out of namespaces",
            "to mend it: sysctl -w user.max_user_namespaces",
            id="no user namespaces",
        ),
        pytest.param(
            "true",
            "--user --map-root-user",
            "images list",
            "this user may not use unix://",
            "usermod --append --groups docker",
            id="somebody else's engine",
        ),
        pytest.param(
            "export PIP_RETRIES=0 PIP_CONFIG_FILE=/dev/null PIP_NO_CACHE_DIR=1; unset PIP_FIND_LINKS",
            "--net",
            "env prepare base",
            "no package index can be reached",
            "try again: mlgym-mcp env prepare base",
            id="no network at the first environment",
        ),
        pytest.param(
            'mount -t tmpfs -o size=64k none "$MLGYM_MCP_DATA_DIR"; ! cp /bin/bash "$MLGYM_MCP_DATA_DIR"',
            "--mount",
            "sessions list",
            "is full",
            "To make room: mlgym-mcp prune",
            id="full disk",
        ),
    ],
)
def test_trouble_of_the_machine_is_told_with_what_mends_it(
    trouble: str, options: str, typed: str, said: str, to_do: str, tmp_path: Path
) -> None:
    (tmp_path / "data").mkdir()
    with socket.socket(socket.AF_UNIX) as engine:
        engine.bind(str(tmp_path / "docker.sock"))
        os.chmod(tmp_path / "docker.sock", 0o600)
        os.chown(tmp_path / "docker.sock", 65534, 65534)
        shown = typed_where(trouble, options, typed, tmp_path)
    assert one_screen(shown) and said in shown and to_do in shown, shown


def test_an_older_python_is_told_which_is_needed_before_it_meets_what_it_does_not_know() -> None:
    program = Path(mlgym_mcp.__file__).with_name("__main__.py").read_text()
    _, imported, told, *rest = ast.parse(program, feature_version=(3, 7)).body
    assert ast.unparse(imported) == "import sys" and "sys.version_info < (3, 11)" in ast.unparse(told)
    assert "3.11 or newer is needed" in ast.unparse(told) and "mlgym_mcp.cli" in ast.unparse(rest[0])


# ── and what a client is told ─────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("task", "sandbox", "said", "to_do"),
    [
        ("blot", "bubblewrap", "There is no task 'blot'", "did you mean 'blotto-v1'?"),
        ("blotto-v1", "docker", "no Docker engine answers: there is no unix://", "to mend it"),
    ],
)
async def test_a_client_is_told_the_same(
    task: str, sandbox: str, said: str, to_do: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/absent.sock")
    settings = Settings.load({"data_dir": tmp_path / "data", "cache_dir": tmp_path / "cache", "sandbox": sandbox})
    async with open_server(settings) as server, Client(server) as client:
        result = await client.call_tool("start", {"task": task})
    assert result.is_error and said in text(result) and to_do in text(result)


async def test_data_that_is_missing_is_told_before_an_environment_is_built_for_it(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path / "data", cache_dir=tmp_path / "cache", sandbox="bubblewrap")
    async with open_server(settings) as server, Client(server) as client:
        result = await client.call_tool("start", {"task": CIFAR, "flavour": "full", "wait_s": 20})
    assert f"run: mlgym-mcp data prepare {CIFAR} --flavour full" in text(result)
    assert not (tmp_path / "cache/envs").exists()
