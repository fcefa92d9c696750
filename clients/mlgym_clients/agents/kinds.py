"""The kinds of agents by name: what naming one needs, before any is made."""

from collections.abc import Mapping

KINDS: Mapping[str, str] = {
    "baseline": "mlgym_clients.agents.baseline",
    "human": "mlgym_clients.agents.human",
    "claude-code": "mlgym_clients.agents.programs.claude_code",
    "codex": "mlgym_clients.agents.programs.codex",
    "gemini-cli": "mlgym_clients.agents.programs.gemini_cli",
    "command": "mlgym_clients.agents.programs.command",
    "model": "mlgym_clients.agents.model",
    "random": "mlgym_clients.agents.random",
    "replay": "mlgym_clients.agents.replay",
    "scripted": "mlgym_clients.agents.scripted",
}
"""Kind → the module that has `make(options) -> Agent`."""
