"""The agent `codex`: Codex, without any tool of its own but those that read what our server shows.

It tells what its model used when it ends, and then as a sum: limits of tokens and cost do not end it on the way, and
requests are counted by its answers and calls. Costs it does not tell.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import anyio

from mlgym_clients.agents.agent import Agent, Ending
from mlgym_clients.agents.options import checked
from mlgym_clients.agents.programs.agent import Place, ProgramAgent
from mlgym_clients.agents.programs.hearing import SERVER, Listener, Notes, failed, text_of
from mlgym_clients.agents.programs.options import ClientOptions, merged
from mlgym_clients.agents.programs.surroundings import found, home, surroundings
from mlgym_clients.records.attempt import Usage
from mlgym_clients.records.message import Message, ToolCall

KEYS = ("CODEX_API_KEY",)
KEY_ELSEWHERE = "OPENAI_API_KEY"
SWITCHES = (
    "--ignore-user-config",
    "--ignore-rules",
    "--strict-config",
    "--skip-git-repo-check",
    "--ephemeral",
    "--json",
)
"""Strict, so that no version passes over a setting that takes a tool away."""
SETTINGS: Mapping[str, Any] = {
    "web_search": "disabled",
    "analytics": {"enabled": False},
    "agents": {"enabled": False},
    "tools": {"experimental_request_user_input": {"enabled": False}},
    "features": {"shell_tool": False, "view_image": False, "goals": False, "plugins": False},
    "project_doc_max_bytes": 0,
}
PLAIN: Mapping[str, Any] = {
    "apply_patch_tool_type": None,
    "experimental_supported_tools": [],
    "supports_search_tool": False,
    "tool_mode": None,
    "use_responses_lite": False,
}
"""What makes a model of the catalogue one whose tools are offered in each request, by their names, and no others."""


@dataclass(frozen=True)
class Codex:
    """Its command line and configuration."""

    path: str
    options: ClientOptions
    environment: Mapping[str, str]

    async def prepare(self, place: Place) -> tuple[Sequence[str], Mapping[str, str]]:
        """All by its command line; of its home only the login is used."""
        options, seat = self.options, place.seat
        environment = {**self.environment, "HOME": str(place.home)}
        if options.home == "own":
            environment["HOME"] = home()
        tokens = {f"MLGYM_HEADER_{number}": value for number, value in enumerate(seat.headers.values())}
        server = {
            "url": seat.url,
            "env_http_headers": dict(zip(seat.headers, tokens, strict=True)),  # a command line is no place for a token
            "required": True,  # or its first request goes out without a server that is not ready yet
            "tool_timeout_sec": 120,
        }
        catalogue = place.write("models.json", await self._catalogue(environment))
        settings = {**SETTINGS, "model_catalog_json": str(catalogue), "mcp_servers": {SERVER: server}}
        chosen = [f"{key}={value}" for key, value in _flat(merged(settings, options.settings))]
        command = [self.path, "exec", *SWITCHES, *(part for one in chosen for part in ("--config", one))]
        command += ["--model", options.model] if options.model else []
        return [*command, "-"], environment | tokens

    def listener(self, notes: Notes) -> Listener:
        """Of its events."""
        return CodexListener(notes)

    async def _catalogue(self, environment: Mapping[str, str]) -> str:
        told = await anyio.run_process([self.path, "debug", "models"], env=environment)
        models = json.loads(told.stdout)["models"]
        return json.dumps({"models": [{**model, **PLAIN} for model in models]})


@dataclass
class CodexListener:
    """Understands `--json`."""

    notes: Notes
    _requests: int = 0
    _words: str | None = None

    def hear(self, event: dict[str, Any]) -> None:
        """Take down messages, and what was used."""
        match event:
            case {"type": "item.completed", "item": item}:
                self._hear_item(item)
            case {"type": "turn.completed", "usage": used}:
                self._words = None  # of what went wrong and was mended
                self.notes.used(
                    Usage(
                        requests=max(self._requests, 1),
                        input_tokens=used["input_tokens"],
                        cached_tokens=used["cached_input_tokens"],
                        output_tokens=used["output_tokens"],
                    )
                )
            case {"type": "turn.failed", "error": {"message": words}} | {"type": "error", "message": words}:
                self._words = words

    def ending(self) -> Ending | None:
        """By what went wrong last."""
        return failed(self._words) if self._words else None

    def _hear_item(self, item: dict[str, Any]) -> None:
        match item:
            case {"type": "agent_message", "text": text}:
                self._requests += 1
                self.notes.say(Message(role="assistant", content=text))
            case {"type": "reasoning", "text": text}:
                self.notes.say(Message(role="assistant", thinking=text))
            case {"type": "mcp_tool_call", "id": name, "tool": tool, "arguments": arguments}:
                self._requests += 1
                call = ToolCall(id=name, name=tool, arguments=arguments or {})
                answer = item.get("result") or {}
                error = (item.get("error") or {}).get("message")
                self.notes.say(Message(role="assistant", tool_calls=(call,)))
                self.notes.say(Message(role="tool", tool_call_id=name, content=error or text_of(answer.get("content"))))


def make(options: Mapping[str, Any]) -> Agent:
    """The agent.

    Raises:
        BadOptions: an option is wrong, or Codex is not installed.
    """
    chosen = checked("codex", ClientOptions, options)
    environment = surroundings(chosen.environment, (*KEYS, KEY_ELSEWHERE))
    if key := environment.pop(KEY_ELSEWHERE, None):
        environment.setdefault(KEYS[0], key)
    path = found("codex", chosen.program or "codex", "@openai/codex", environment)
    return ProgramAgent("codex", chosen, Codex(path, chosen, environment))


def _flat(settings: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Settings by dotted names; the values, in JSON, are TOML too."""
    for name, value in settings.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", json.dumps(value)
