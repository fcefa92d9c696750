"""Whatever the pages say to type works as it stands there; what can't be tried here is listed, with the reason."""

import json
import os
import re
import shlex
import socket
import sys
import tomllib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import anyio
import pytest
import typer
import yaml

from mlgym_mcp.cli import app
from tests.docs.left_out import ELSEWHERE, LISTS, listed
from tests.docs.pages import PAGES, REPOSITORY, Block, blocks
from tests.docs.story import story_of
from tests.strangers import claude_code
from tests.strangers.agents import new_user
from tests.strangers.models.endpoint import scripted
from tests.strangers.models.messages import MESSAGES
from tests.strangers.models.script import Script, call

PATIENCE = 1800
PORT = "8765"
READ_BY: Mapping[str, Callable[[str], object]] = {"json": json.loads, "toml": tomllib.loads, "yaml": yaml.safe_load}
EVERY = [block for page in PAGES for block in blocks(page)]
WORK = (
    call("edit", command="str_replace", path="strategy.py", old_str="return 1", new_str="return 0"),
    call("submit", wait_s=50),
)
PLAYED_BY_A_MODEL = {
    "docs/claude-code.md": Script([call("start", task="battle-of-the-sexes-v1"), *WORK], last="Submitted."),
    "docs/evaluating-a-model.md": Script(WORK, last="Submitted."),
    "docs/evaluating-an-agent.md": Script(WORK, last="Submitted."),
}
"""What stands in for the model of a provider where a page asks one."""


def pages_of(which: str | None) -> list[str]:
    """The pages that have something to run that is on a list, or on none."""
    return sorted({block.page for block in EVERY if listed(block) == which and block.language not in READ_BY})


def free_port() -> str:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return str(listener.getsockname()[1])


async def play(page: str, folder: Path, cache_dir: Path, *lists: str | None, **variables: str) -> None:
    """Do all that a page says, in a fresh home."""
    home, said, port = folder / "home", folder / "said", free_port()
    home.mkdir(exist_ok=True)
    said.mkdir()
    story = story_of([block for block in blocks(page) if listed(block) in lists], said)
    environment = {
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
        "HOME": str(home),
        "MLGYM_MCP_SANDBOX": "bubblewrap",
        "MLGYM_MCP_CACHE_DIR": str(cache_dir),
        "MLGYM_MCP_PORT": port,
        "MLGYM_MCP_DRAIN_S": "0",
        **variables,
    }
    with anyio.fail_after(PATIENCE):
        ended = await anyio.run_process(
            ["bash", "-c", story.script.replace(PORT, port)], input=b"", check=False, cwd=home, env=environment
        )
    assert ended.returncode == 0, (ended.stdout + ended.stderr).decode()
    for shown in story.shown:
        assert shown.came(), f"{shown.place} shows\n{shown.text}\nbut this came:\n{shown.file.read_text()}"


@pytest.mark.parametrize("page", pages_of(None))
async def test_what_a_page_says_to_type_works(page: str, tmp_path: Path, cache_dir: Path) -> None:
    await play(page, tmp_path, cache_dir, None)


@pytest.mark.exhaustive
@pytest.mark.parametrize("page", sorted({*pages_of("exhaustive")} - {*PLAYED_BY_A_MODEL}))
async def test_what_takes_long_works_too(page: str, tmp_path: Path, cache_dir: Path) -> None:
    await play(page, tmp_path, cache_dir, None, "exhaustive")


@pytest.mark.exhaustive
@pytest.mark.strangers
@pytest.mark.parametrize("page", PLAYED_BY_A_MODEL)
async def test_what_a_page_has_a_model_do_works(page: str, tmp_path: Path, cache_dir: Path) -> None:
    async with new_user(tmp_path) as user, scripted(MESSAGES, PLAYED_BY_A_MODEL[page]) as model:
        variables = {**claude_code.variables(model), "PATH": user.variables["PATH"], **user.outside.variables}
        await play(page, tmp_path, cache_dir, None, "exhaustive", **variables)
    assert model.asked


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
        context.resilient_parsing = False  # which would let any option pass
        command.make_parser(context).parse_args([word.replace("[", "").replace("]", "") for word in rest])


@pytest.mark.parametrize(("page", "command"), sorted(set(commands_of_ours())))
def test_every_command_that_a_page_names_has_the_options_that_it_gives(page: str, command: str) -> None:
    parsed(typer.main.get_command(app), shlex.split(command))
