"""Whatever the pages say to type works as it stands there; what can't be tried here is listed, with the reason."""

import json
import os
import re
import shlex
import socket
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from mlgym_mcp.cli import app
from tests.docs.left_out import ELSEWHERE, LISTS, listed
from tests.docs.pages import PAGES, REPOSITORY, Block, blocks
from tests.docs.story import story_of

PATIENCE = 300.0
PORT = "8765"
READ_BY = {"json": json.loads, "toml": tomllib.loads, "yaml": yaml.safe_load}
EVERY = [block for page in PAGES for block in blocks(page)]


def stories(which: str | None) -> list[str]:
    """The pages that have something to run."""
    return sorted({block.page for block in EVERY if listed(block) in (None, which) and block.language not in READ_BY})


def free_port() -> str:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return str(listener.getsockname()[1])


def play(page: str, folder: Path, cache_dir: Path, *, exhaustive: bool = False) -> None:
    """Do all that a page says, in a fresh home."""
    home, said = folder / "home", folder / "said"
    home.mkdir(), said.mkdir()
    port = free_port()
    wanted = [block for block in blocks(page) if listed(block) is None or (exhaustive and listed(block) == "exhaustive")]
    story = story_of(wanted, said)
    environment = {
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
        "HOME": str(home),
        "REPOSITORY": str(REPOSITORY),
        "MLGYM_MCP_SANDBOX": "bubblewrap",
        "MLGYM_MCP_CACHE_DIR": str(cache_dir),
        "MLGYM_MCP_PORT": port,
        "MLGYM_MCP_DRAIN_S": "0",
    }
    ended = subprocess.run(
        ["bash", "-c", story.script.replace(PORT, port)],
        cwd=home,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    for shown in story.shown:
        assert shown.came(), f"{shown.place} shows\n{shown.text}\nbut this came:\n{shown.file.read_text()}"


@pytest.mark.parametrize("page", stories(None))
def test_what_a_page_says_to_type_works(page: str, tmp_path: Path, cache_dir: Path) -> None:
    play(page, tmp_path, cache_dir)


@pytest.mark.exhaustive
@pytest.mark.parametrize("page", sorted({block.page for block in EVERY if listed(block) == "exhaustive"}))
def test_what_takes_long_works_too(page: str, tmp_path: Path, cache_dir: Path) -> None:
    play(page, tmp_path, cache_dir, exhaustive=True)


@pytest.mark.parametrize("block", [one for one in EVERY if one.language in READ_BY], ids=lambda block: block.place)
def test_what_a_page_says_to_write_down_can_be_read(block: Block) -> None:
    assert READ_BY[block.language](re.sub("^// .*\n", "", block.text))


def test_every_block_is_of_a_language_that_is_run_or_read() -> None:
    assert {block.language for block in EVERY} <= {"sh", "console", "python", *READ_BY}


def test_nothing_is_listed_that_no_page_says() -> None:
    said = {key for block in EVERY for key in ((block.page, block.text.split("\n", 1)[0]), (block.page, "*"))}
    assert {key for entries in LISTS.values() for key in entries} <= said
    assert all((REPOSITORY / place).exists() for place in ELSEWHERE.values())


def commands_of_ours() -> Iterator[tuple[str, str]]:
    """Each command of ours that a page says anywhere, run or not."""
    for page in PAGES:
        text = (REPOSITORY / page).read_text(encoding="utf-8").replace("\\\n", " ")
        for command in re.findall(r"(?:^|`|\$ )(mlgym-mcp [a-z][^`\n#|;&)]*)", text, re.MULTILINE):
            yield page, command


def parsed(command: Any, words: list[str], parent: Any = None) -> None:
    """Let a command look at its words, and stop before it acts."""
    context = command.make_context(words[0], [], parent=parent, resilient_parsing=True)
    rest = words[1:]
    if (subcommands := getattr(command, "commands", None)) is not None and rest:
        for name in rest[0].split("…")[0].split("|"):
            parsed(subcommands[name], [name, *rest[1:]], context)
    elif not {"…", "..."} & set("".join(rest)):
        command.make_parser(context).parse_args([word.replace("[", "").replace("]", "") for word in rest])


@pytest.mark.parametrize(("page", "command"), sorted(set(commands_of_ours())))
def test_every_command_that_a_page_names_has_the_options_that_it_gives(page: str, command: str) -> None:
    parsed(typer.main.get_command(app), shlex.split(command))
