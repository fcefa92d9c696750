"""The agent `gemini-cli`: Gemini CLI, without any tool of its own.

It tells what its models used when it ends: a limit of tokens does not end it on the way. Costs it does not tell.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mlgym_clients.agents.agent import Agent, Ending
from mlgym_clients.agents.options import checked
from mlgym_clients.agents.programs.agent import Place, ProgramAgent
from mlgym_clients.agents.programs.hearing import SERVER, Listener, Notes, failed
from mlgym_clients.agents.programs.options import ClientOptions, merged
from mlgym_clients.agents.programs.surroundings import found, home, surroundings
from mlgym_clients.records.attempt import Usage
from mlgym_clients.records.message import Message, ToolCall

KEYS = ("GEMINI_API_KEY", "GOOGLE_API_KEY", "GOOGLE_GEMINI_BASE_URL")
SWITCHES = ("--output-format", "stream-json", "--extensions", "none")
PREFIX = f"mcp_{SERVER}_"
SETTINGS: Mapping[str, Any] = {
    "mcp": {"allowed": [SERVER]},
    "tools": {"core": [f"{PREFIX}*"]},
    "experimental": {"enableAgents": False},
    "skills": {"enabled": False},
    "hooksConfig": {"enabled": False},
    "privacy": {"usageStatisticsEnabled": False},
    "telemetry": {"enabled": False},
    "general": {"enableAutoUpdate": False, "enableAutoUpdateNotification": False},
}


@dataclass(frozen=True)
class GeminiCli:
    """Its command line and configuration."""

    path: str
    options: ClientOptions
    environment: Mapping[str, str]

    async def prepare(self, place: Place) -> tuple[Sequence[str], Mapping[str, str]]:
        """By the settings of its project, which win over those of any home; system settings it reads only as root's."""
        options, seat = self.options, place.seat
        server = {"httpUrl": seat.url, "headers": dict(seat.headers), "trust": True, "timeout": 120_000}
        settings = {**SETTINGS, "mcpServers": {SERVER: server}}
        if options.home == "fresh":
            settings["security"] = {"auth": {"selectedType": "gemini-api-key"}}
        folder = place.workdir / ".gemini"
        folder.mkdir()
        (folder / "settings.json").write_text(json.dumps(merged(settings, options.settings)), encoding="utf-8")
        command = [self.path, *SWITCHES, *(("--model", options.model) if options.model else ())]
        own = {
            "HOME": home() if options.home == "own" else str(place.home),
            "GEMINI_CLI_TRUST_WORKSPACE": "true",  # or it passes over these settings
            "GEMINI_CLI_NO_RELAUNCH": "true",
        }
        return command, {**self.environment, **own}

    def listener(self, notes: Notes) -> Listener:
        """Of its events."""
        return GeminiCliListener(notes)


@dataclass
class GeminiCliListener:
    """Understands `--output-format stream-json`."""

    notes: Notes
    _said: str = ""
    _calls: list[ToolCall] = field(default_factory=list)
    _requests: int = 0
    _result: dict[str, Any] | None = None

    def hear(self, event: dict[str, Any]) -> None:
        """Take down messages, and what was used."""
        match event:
            case {"type": "message", "role": "assistant", "content": text}:
                self._said += text
            case {"type": "tool_use", "tool_name": name, "tool_id": number, "parameters": arguments}:
                self._calls.append(ToolCall(id=number, name=name.removeprefix(PREFIX), arguments=arguments))
            case {"type": "tool_result", "tool_id": number}:
                self._tell()
                words = event.get("output") or (event.get("error") or {}).get("message", "")
                self.notes.say(Message(role="tool", tool_call_id=number, content=words))
            case {"type": "result", **result}:
                self._tell()
                self._result = result
                self.notes.used(self._total(result.get("stats") or {}))

    def ending(self) -> Ending | None:
        """By its result."""
        match self._result:
            case {"status": "success"}:
                return Ending()
            case {"error": {"message": words}}:
                return failed(words)
        return None

    def _tell(self) -> None:
        if self._said or self._calls:
            self._requests += 1
            self.notes.say(Message(role="assistant", content=self._said, tool_calls=tuple(self._calls)))
            self._said, self._calls = "", []

    def _total(self, stats: Mapping[str, Any]) -> Usage:
        return Usage(
            requests=max(self._requests, 1),
            input_tokens=stats.get("input_tokens", 0),
            cached_tokens=stats.get("cached", 0),
            output_tokens=stats.get("output_tokens", 0),
        )


def make(options: Mapping[str, Any]) -> Agent:
    """The agent.

    Raises:
        BadOptions: an option is wrong, or Gemini CLI is not installed.
    """
    chosen = checked("gemini-cli", ClientOptions, options)
    environment = surroundings(chosen.environment, KEYS)
    path = found("gemini-cli", chosen.program or "gemini", "@google/gemini-cli", environment)
    return ProgramAgent("gemini-cli", chosen, GeminiCli(path, chosen, environment))
