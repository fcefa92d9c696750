"""The kinds of agents. A kind's module is imported when a run names it."""

from collections.abc import Mapping
from importlib import import_module
from typing import Any

from mlgym_clients.agents.agent import Agent, BadOptions
from mlgym_clients.agents.kinds import KINDS
from mlgym_clients.records.attempt import Limit

ALONE = frozenset({"human"})
"""Kinds that attempt one task at a time: no run has them that makes several attempts at once."""

UNHELD: Mapping[str, tuple[Limit, ...]] = {kind: ("tokens", "cost") for kind in ("codex", "gemini-cli", "command")}
"""Kind → the limits that don't end its attempts on the way: what it used it tells at the end, or never."""


def make(kind: str, options: Mapping[str, Any]) -> Agent:
    """An agent of a kind.

    Raises:
        BadOptions: there is no such kind, an option is unknown or wrong, or what the kind needs is not installed.
    """
    if kind not in KINDS:
        raise BadOptions(f"there is no kind of agent {kind!r}; there are: {', '.join(KINDS)}.")
    agent: Agent = import_module(KINDS[kind]).make(options)
    return agent
