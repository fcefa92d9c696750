"""The agent `claude-code`: Claude Code, without any tool of its own.

What its model uses is counted request by request, so that a limit of tokens ends it on the way, if late by one answer:
it tells at the end how long the answers were. A limit of cost it keeps itself.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mlgym_clients.agents.agent import Agent, Ending, Unreachable
from mlgym_clients.agents.options import checked
from mlgym_clients.agents.programs.agent import CONFIG, Place, ProgramAgent
from mlgym_clients.agents.programs.hearing import SERVER, Listener, Notes, failed, text_of
from mlgym_clients.agents.programs.options import ClientOptions
from mlgym_clients.agents.programs.surroundings import found, home, surroundings
from mlgym_clients.records.attempt import Usage
from mlgym_clients.records.message import Message, ToolCall

KEYS = ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "ANTHROPIC_BASE_URL", "CLAUDE_CODE_OAUTH_TOKEN")
QUIET = {"CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1", "DISABLE_TELEMETRY": "1", "DISABLE_AUTOUPDATER": "1"}
PATIENT = {"MCP_TIMEOUT": "60000", "MCP_CONNECT_TIMEOUT_MS": "60000"}
"""Milliseconds that it waits for our server; after them it begins without."""
PREFIX = f"mcp__{SERVER}__"
SWITCHES = (
    *("--print", "--output-format", "stream-json", "--verbose", "--no-session-persistence"),
    *("--strict-mcp-config", "--tools", "", "--allowedTools", f"mcp__{SERVER}", "--disable-slash-commands"),
    *("--setting-sources", "", "--no-chrome"),
)


@dataclass(frozen=True)
class ClaudeCode:
    """Its command line and configuration."""

    path: str
    options: ClientOptions
    environment: Mapping[str, str]

    async def prepare(self, place: Place) -> tuple[Sequence[str], Mapping[str, str]]:
        """All by its command line and the one file of MCP servers; its home is left alone."""
        options, cost = self.options, place.seat.meter.limits.cost
        server = {"type": "http", "url": place.seat.url, "headers": dict(place.seat.headers)}
        # Or its first request goes out without a server that is not ready yet.
        servers = {"mcpServers": {SERVER: {**server, "alwaysLoad": True}}}
        command = [self.path, *SWITCHES, "--mcp-config", str(place.write(CONFIG, json.dumps(servers)))]
        command += ["--model", options.model] if options.model else []
        command += ["--max-budget-usd", str(cost)] if cost is not None else []
        command += ["--settings", json.dumps(dict(options.settings))] if options.settings else []
        return command, {**self.environment, "HOME": home() if options.home == "own" else str(place.home)}

    def listener(self, notes: Notes) -> Listener:
        """Of its events."""
        return ClaudeCodeListener(notes)


@dataclass
class ClaudeCodeListener:
    """Understands `--output-format stream-json`."""

    notes: Notes
    _blocks: list[dict[str, Any]] = field(default_factory=list)
    _answer: str | None = None
    """Which answer they are of; each block comes in an event of its own."""
    _usage: Usage = Usage()
    _result: dict[str, Any] | None = None

    def hear(self, event: dict[str, Any]) -> None:
        """Take down messages, and what was used."""
        match event:
            case {"type": "system", "subtype": "init", "mcp_servers": servers}:
                if any(server["status"] != "connected" for server in servers):
                    raise Unreachable("Claude Code could not connect to the session")
            case {"type": "assistant", "message": {"id": answer, "content": blocks, "usage": usage}}:
                if answer != self._answer:
                    self._tell()
                    self._answer, self._usage = answer, _usage(usage)
                    self.notes.use(self._usage)
                self._blocks += blocks
            case {"type": "user", "message": {"content": [*blocks]}}:
                self._tell()
                for block in blocks:
                    if block.get("type") == "tool_result":
                        content = text_of(block.get("content"))
                        self.notes.say(Message(role="tool", tool_call_id=block["tool_use_id"], content=content))
            case {"type": "result", **result}:
                self._tell()
                self._result = result
                self.notes.used(self._total(result))

    def ending(self) -> Ending | None:
        """By its result."""
        if self._result is None:
            return None
        if not self._result["is_error"]:
            return Ending()
        words = self._result.get("result") or "; ".join(map(str, self._result.get("errors", ())))
        match self._result["subtype"]:
            case "success":  # its word for an end that came from outside
                return failed(words)
            case "error_max_budget_usd":
                return Ending("exit_cost", words or "the limit of cost is reached")
            case subtype:
                return Ending("exit_error", f"{subtype}: {words}")

    def _tell(self) -> None:
        if self._blocks:
            blocks, self._blocks = self._blocks, []
            self.notes.say(
                Message(
                    role="assistant",
                    content="\n".join(block["text"] for block in blocks if block["type"] == "text"),
                    thinking="\n".join(block["thinking"] for block in blocks if block["type"] == "thinking"),
                    tool_calls=tuple(
                        ToolCall(id=block["id"], name=block["name"].removeprefix(PREFIX), arguments=block["input"])
                        for block in blocks
                        if block["type"] == "tool_use"
                    ),
                    usage=self._usage,
                )
            )

    def _total(self, result: Mapping[str, Any]) -> Usage:
        models = result.get("modelUsage", {}).values()  # those asked aside included
        cached = sum(model["cacheReadInputTokens"] for model in models)
        return Usage(
            requests=max(self.notes.requests, 1),
            input_tokens=sum(model["inputTokens"] + model["cacheCreationInputTokens"] for model in models) + cached,
            cached_tokens=cached,
            output_tokens=sum(model["outputTokens"] for model in models),
            cost=result.get("total_cost_usd"),
        )


def make(options: Mapping[str, Any]) -> Agent:
    """The agent.

    Raises:
        BadOptions: an option is wrong, or Claude Code is not installed.
    """
    chosen = checked("claude-code", ClientOptions, options)
    environment = surroundings(chosen.environment, KEYS) | QUIET | PATIENT
    path = found("claude-code", chosen.program or "claude", "@anthropic-ai/claude-code", environment)
    return ProgramAgent("claude-code", chosen, ClaudeCode(path, chosen, environment))


def _usage(told: Mapping[str, Any]) -> Usage:
    cached = told.get("cache_read_input_tokens") or 0
    return Usage(
        requests=1,
        input_tokens=told["input_tokens"] + (told.get("cache_creation_input_tokens") or 0) + cached,
        cached_tokens=cached,
        output_tokens=told["output_tokens"],
    )
