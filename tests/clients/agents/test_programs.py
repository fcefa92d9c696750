"""Programs as agents: what they are given, how they end, and what is understood of what they say."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
import pytest
from mlgym_clients.agents import registry
from mlgym_clients.agents.agent import BadOptions, Ending
from mlgym_clients.agents.meter import LimitReached, Meter
from mlgym_clients.agents.programs.claude_code import ClaudeCodeListener
from mlgym_clients.agents.programs.codex import CodexListener
from mlgym_clients.agents.programs.gemini_cli import GeminiCliListener
from mlgym_clients.agents.programs.hearing import Listener, Notes
from mlgym_clients.agents.programs.options import merged
from mlgym_clients.agents.programs.process import kill_all
from mlgym_clients.records.run import Limits

from tests.clients.agents.seats import Heard, toy_seat
from tests.processes import LIMIT, REPOSITORY


def shell(script: str, *arguments: str, **options: Any) -> Any:
    return registry.make("command", {"command": ["sh", "-c", script, "sh", *arguments], **options})


async def test_a_command_finds_what_it_needs_and_nothing_else_of_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET", "s3cret")
    monkeypatch.setenv("PASSED", "on")
    script = 'for said in "$(cat "$1")" "$(ls -A)" "$(cat)"; do echo "$said"; done; env; echo sorry >&2; exit 3'
    agent = shell(script, "{config}", prompt="Do $task.", environment={"PASSED": None, "SET": "{braces}"})
    async with toy_seat(tmp_path) as (seat, _):
        assert await agent.attempt(seat) == Ending("exit_error", "command ended with status 3: sorry")
    config, files, prompt, *environment = (tmp_path / "program/stdout").read_text().splitlines()
    assert json.loads(config) == {"mcpServers": {"mlgym": {"type": "http", "url": seat.url, "headers": {}}}}
    assert not (tmp_path / "program/mcp.json").exists()  # it may hold a token
    assert (files, prompt) == ("", f"Do {seat.task.id}.")
    assert {"PASSED=on", "SET={braces}", f"HOME={tmp_path}/program/home"} <= set(environment)
    assert "SECRET=s3cret" not in environment


@pytest.mark.parametrize("left", ["cancelled", "killed"])
async def test_a_program_that_is_left_takes_its_children_with_it(tmp_path: Path, left: str) -> None:
    os.mkfifo(tmp_path / "held")
    agent = shell('exec 3> "$1"; echo begun >&3; sleep 1000 & wait', str(tmp_path / "held"))
    async with toy_seat(tmp_path) as (seat, _), anyio.create_task_group() as tasks:
        tasks.start_soon(agent.attempt, seat)
        held = await anyio.to_thread.run_sync((tmp_path / "held").open)
        with held:
            assert await anyio.to_thread.run_sync(held.readline) == "begun\n"
            tasks.cancel_scope.cancel() if left == "cancelled" else kill_all()
            with anyio.CancelScope(shield=True), anyio.fail_after(LIMIT):
                # It ends when nobody holds it open any more.
                assert await anyio.to_thread.run_sync(held.read, abandon_on_cancel=True) == ""


PLAY = """
import sys
from pathlib import Path
import anyio
from mlgym_clients.agents.programs.process import Launch, play
folder = Path(sys.argv[1])
files = [folder / name for name in ("said", "output", "errors")]
launch = Launch(["/bin/sh", "-c", sys.argv[2]], {"PATH": "/usr/bin:/bin"}, folder, *files)
anyio.run(play, launch, print)
"""


async def test_a_program_ends_with_its_children_when_whoever_runs_it_is_killed(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "held")
    (tmp_path / "said").touch()
    script = "exec 3> held; echo begun >&3; sleep 1000 & wait"
    env = {"PYTHONPATH": os.pathsep.join(map(str, (REPOSITORY, REPOSITORY / "clients")))}
    with anyio.fail_after(LIMIT):
        command = [sys.executable, "-c", PLAY, str(tmp_path), script]
        async with await anyio.open_process(command, env=env, stdin=subprocess.DEVNULL) as process:
            held = os.open(tmp_path / "held", os.O_RDONLY | os.O_NONBLOCK)
            await anyio.wait_readable(held)
            assert os.read(held, 100) == b"begun\n"
            process.kill()
            await anyio.wait_readable(held)
            assert os.read(held, 100) == b"", "nobody holds it open any more"
            os.close(held)


async def test_a_program_that_takes_too_long_is_ended(tmp_path: Path) -> None:
    async with toy_seat(tmp_path) as (seat, _):
        assert (await shell("exec sleep 1000", timeout=0.01).attempt(seat)).why == "exit_cost"


@pytest.mark.parametrize(
    ("kind", "options", "said"),
    [
        ("claude-code", {"program": "/nowhere/claude"}, "npm install --global @anthropic-ai/claude-code"),
        ("codex", {"program": "/nowhere/codex"}, "npm install --global @openai/codex"),
        ("gemini-cli", {"program": "/nowhere/gemini"}, "npm install --global @google/gemini-cli"),
        ("command", {"command": ["/nowhere/agent"]}, "there is no program /nowhere/agent"),
        ("command", {"command": ["sh"], "environment": ["NOT_THERE"]}, "NOT_THERE is not set here"),
        ("command", {}, "'command' is missing"),
    ],
)
def test_an_agent_that_could_not_work_is_refused_when_it_is_made(kind: str, options: Any, said: str) -> None:
    with pytest.raises(BadOptions, match=said):
        registry.make(kind, options)


def claude(**result: Any) -> dict[str, Any]:
    return {"type": "result", "subtype": "success", "is_error": True, "total_cost_usd": 0.5, "modelUsage": {}, **result}


@pytest.mark.parametrize(
    ("listener", "event", "ending"),
    [
        (ClaudeCodeListener, claude(result="Not logged in"), Ending("exit_api", "Not logged in")),
        (ClaudeCodeListener, claude(result="Prompt is too long"), Ending("exit_context", "Prompt is too long")),
        (ClaudeCodeListener, claude(subtype="error_max_budget_usd", errors=["Spent"]), Ending("exit_cost", "Spent")),
        (ClaudeCodeListener, claude(is_error=False), Ending()),
        (ClaudeCodeListener, {"type": "system"}, None),
        (CodexListener, {"type": "turn.failed", "error": {"message": "401"}}, Ending("exit_api", "401")),
        (CodexListener, {"type": "error", "message": "Reconnecting"}, Ending("exit_api", "Reconnecting")),
        (GeminiCliListener, {"type": "result", "error": {"message": "403"}}, Ending("exit_api", "403")),
    ],
)
async def test_the_end_of_a_program_is_told_in_its_own_words(
    listener: Callable[[Notes], Listener], event: dict[str, Any], ending: Ending | None
) -> None:
    hearing = listener(Notes(Heard(), Meter(Limits())))
    hearing.hear(event)
    assert hearing.ending() == ending


async def test_a_limit_of_tokens_ends_claude_code_on_the_way() -> None:
    meter = Meter(Limits(tokens=100))
    listener = ClaudeCodeListener(Notes(Heard(), meter))
    usage = {"input_tokens": 20, "cache_read_input_tokens": 30, "output_tokens": 10}
    message = {"id": "one", "content": [{"type": "text", "text": "Hm."}], "usage": usage}
    listener.hear({"type": "assistant", "message": message})
    listener.hear({"type": "assistant", "message": message})  # another block of the same answer
    assert (meter.usage.requests, meter.usage.tokens, meter.usage.cached_tokens) == (1, 60, 30)
    with pytest.raises(LimitReached):
        listener.hear({"type": "assistant", "message": {**message, "id": "two"}})


def test_a_setting_of_the_users_leaves_those_beside_it_as_they_are() -> None:
    ours = {"features": {"shell_tool": False, "goals": False}, "web_search": "disabled"}
    assert merged(ours, {"features": {"goals": True}, "model": "m"}) == {
        "features": {"shell_tool": False, "goals": True},
        "web_search": "disabled",
        "model": "m",
    }
