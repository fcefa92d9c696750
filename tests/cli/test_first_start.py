"""Whoever comes for the first time: what no command says, what is next, how a word is completed, what connects."""

import json
import os
import pty
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from mlgym_mcp import __version__
from mlgym_mcp.cli.launcher import launcher
from mlgym_mcp.cli.next_step import next_step
from mlgym_mcp.cli.progress import Waiting
from mlgym_mcp.errors import SetupError
from mlgym_mcp.sandbox.probes import Finding
from mlgym_mcp.settings import Settings
from mlgym_mcp.store import Store
from tests.cli.terminal import printed

PYTHON = Finding("python", True, "3.11")
BWRAP = Finding("bubblewrap", True, "makes sandboxes")
NO_BWRAP = Finding("bubblewrap", False, "it is not there", "make it")
DOCKER = Finding("docker", True, "answers")
NO_DOCKER = Finding("docker", False, "none answers", "start it")


def test_no_command_says_in_one_screen_what_this_is_and_what_was_found_here(tmp_path: Path) -> None:
    said = printed(COLUMNS="80", MLGYM_MCP_DATA_DIR=str(tmp_path / "data"))
    assert len(said.splitlines()) <= 24
    assert said.startswith(f"mlgym-mcp {__version__}: ")
    assert all(
        part in said for part in ("mlgym-mcp demo ", "mlgym-mcp connect ", "mlgym-mcp serve --http", " docker: ")
    )
    assert printed("--version").strip() == __version__


@pytest.mark.parametrize(
    ("found", "step"),
    [
        ([PYTHON, NO_BWRAP, NO_DOCKER], "Mend this first, bubblewrap: make it"),
        ([PYTHON, Finding("bubblewrap", False, "elsewhere"), NO_DOCKER], "Mend this first, docker: start it"),
        ([PYTHON, BWRAP, NO_DOCKER], "Watch an attempt: mlgym-mcp demo"),
        ([PYTHON, NO_BWRAP, DOCKER], "Watch an attempt: mlgym-mcp demo --sandbox docker"),
    ],
)
def test_the_next_command_follows_from_what_was_found(tmp_path: Path, found: list[Finding], step: str) -> None:
    assert next_step(found, Settings(data_dir=tmp_path)) == step


def test_after_a_first_attempt_a_client_is_connected_and_then_served(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(data_dir=tmp_path / "data")
    with Store.open(settings.data_dir):
        pass
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".codex").mkdir()
    assert next_step([PYTHON, BWRAP], settings) == "Connect your client: mlgym-mcp connect codex --write"
    printed("connect", "codex", "--write")
    assert next_step([PYTHON, BWRAP], settings) == "Serve clients over HTTP: mlgym-mcp serve --http"


def passing(folder: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> Path:
    """An installation in a cache, and the program that made it."""
    (folder / "cache/one").mkdir(parents=True)
    (folder / "cache/CACHEDIR.TAG").touch()
    monkeypatch.setattr(sys, "prefix", str(folder / "cache/one"))
    program = folder / "bin" / kind
    program.parent.mkdir()
    program.touch(mode=0o755)
    return program


def test_a_client_gets_a_command_that_outlives_the_cache_of_uvx(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = passing(tmp_path, monkeypatch, "uvx")
    monkeypatch.setenv("PATH", str(program.parent))
    assert launcher()[:2] == (str(program), "--from")
    assert launcher()[-1] == "mlgym-mcp"
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SetupError, match="uv tool install mlgym-mcp"):
        launcher()


def completed(words: str, **variables: str) -> set[str]:
    """What a shell offers for the last of some words."""
    asked = {"_MLGYM_MCP_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": str(words.count(" "))}
    return set(printed(**asked, **variables).split())


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("mlgym-mcp do", {"doctor"}),
        ("mlgym-mcp tasks show bl", {"blotto-v1"}),
        ("mlgym-mcp demo bl", {"blotto-v1"}),
        ("mlgym-mcp env prepare ja", {"jax", "jax-cuda"}),
        ("mlgym-mcp run --agent c", {"claude-code", "codex", "command"}),
        ("mlgym-mcp connect c", {"claude-code", "claude-desktop", "codex", "cursor"}),
    ],
)
def test_a_word_is_completed(words: str, offered: set[str]) -> None:
    assert completed(words) == offered


def test_completing_imports_nothing_that_a_key_would_wait_for() -> None:
    heavy = "{'pydantic', 'mcp', 'structlog', 'yaml', 'docker'}"
    question = f"import sys, mlgym_mcp.cli, mlgym_mcp.cli.completion; print({heavy} & set(sys.modules))"
    answer = subprocess.run([sys.executable, "-c", question], capture_output=True, text=True, check=True, env=_seen())
    assert answer.stdout.strip() == "set()"


def _seen() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}


async def test_where_nobody_watches_progress_is_a_line_now_and_then_beside_what_is_printed(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with Waiting() as waiting:
        for step in range(100):
            await waiting(f"Step {step}/100 : RUN")
        waiting.says("a thing to know")
    shown = capsys.readouterr()
    assert shown.err.splitlines() == ["  Step 0/100 : RUN", "  a thing to know"]
    assert shown.out == ""


@pytest.mark.skipif(not shutil.which("bwrap"), reason="bubblewrap is not installed")
def test_a_terminal_is_shown_how_far_it_is_and_the_result_alone_stays(tmp_path: Path) -> None:
    """On a terminal of its own, whose every byte is read."""
    program = (
        "import anyio\nfrom mlgym_mcp.cli.progress import Waiting\n"
        "async def main():\n with Waiting() as waiting:\n  await waiting('downloading x: 32 of 128 MiB')\n"
        "  await anyio.sleep(0.2)\nanyio.run(main)\nprint('done')\n"
    )
    ours, theirs = pty.openpty()
    subprocess.run(
        [sys.executable, "-c", program], stdout=theirs, stderr=theirs, check=True, env={**_seen(), "TERM": "xterm"}
    )
    os.close(theirs)
    shown = os.read(ours, 65536).decode()
    os.close(ours)
    assert "downloading x: 32 of 128 MiB" in shown and "━" in shown
    assert shown.rstrip().endswith("done")


def test_what_describes_us_to_registries_and_clients_says_this_version() -> None:
    root = Path(__file__).parents[2]
    server, manifest = (json.loads((root / name).read_text()) for name in ("server.json", "clients/mcpb/manifest.json"))
    [package] = server["packages"]
    assert {server["version"], package["version"], manifest["version"]} == {__version__}
    assert f"<!-- mcp-name: {server['name']} -->" in (root / "README.md").read_text()
    assert len(server["description"]) <= 100 and server["name"].count("/") == 1
    assert {"registryType", "identifier", "transport"} <= set(package) and "registryBaseUrl" not in package
    variables = {one["name"].removeprefix("MLGYM_MCP_").lower() for one in package["environmentVariables"]}
    variables |= {name.removeprefix("MLGYM_MCP_").lower() for name in manifest["server"]["mcp_config"]["env"]}
    assert variables <= set(Settings.model_fields)
