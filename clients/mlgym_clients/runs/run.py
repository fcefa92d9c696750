"""A run from beginning to end: its folder, its server, its signals."""

import os
import signal
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import anyio
from rich.console import Console

from mlgym_clients.agents import registry
from mlgym_clients.agents.agent import Agent
from mlgym_clients.records.folder import RunFolder, write
from mlgym_clients.records.run import RunFacts
from mlgym_clients.runs.board import PIPED_WIDTH, Board
from mlgym_clients.runs.catalogue import facts_of, read_catalogue, require_same
from mlgym_clients.runs.fault import faults, ungrouped
from mlgym_clients.runs.harness import PAUSES, Harness
from mlgym_clients.runs.lock import LOG, locked
from mlgym_clients.runs.plan import Plan
from mlgym_clients.runs.proctor import Proctor
from mlgym_clients.runs.trial import Trial
from mlgym_clients.server import Server, started

Outcome = Literal["finished", "failed", "interrupted"]
PLAN = "plan.json"
SIGNALS = (signal.SIGINT, signal.SIGTERM)
INTERRUPTED = 130


@dataclass(frozen=True)
class Order:
    """A run that is to be made, or to go on."""

    plan: Plan
    folder: Path
    serve: Sequence[str]
    """What starts a server of our own; options are added."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """What to show to a server that runs elsewhere."""
    version: str = ""
    pauses: Sequence[float] = PAUSES
    """Seconds before an attempt is tried again that came to nothing through the infrastructure, and how often."""


def carry_out(order: Order) -> Outcome:
    """Make a run, or what is left of it, and show how it goes. The first signal ends it in order, a second at once.

    Raises:
        BadPlan: it can't be made as asked.
        BadOptions: an agent can't.
        ServerFailed: the server did not start.
        ServerLost: the server is gone; the same order goes on later.
    """
    agents = {agent.name: registry.make(agent.kind, agent.options) for agent in order.plan.agents}
    console = Console()
    if not console.is_terminal:
        console.width = max(console.width, PIPED_WIDTH)
    with ungrouped():
        return anyio.run(_until_signal, order, agents, console)


async def _until_signal(order: Order, agents: Mapping[str, Agent], console: Console) -> Outcome:
    scope = anyio.CancelScope()
    async with anyio.create_task_group() as signals:
        signals.start_soon(_heed_signals, scope, console)
        outcome = await made(order, agents, console, scope)
        signals.cancel_scope.cancel()
    return outcome


async def _heed_signals(scope: anyio.CancelScope, console: Console) -> None:
    with anyio.open_signal_receiver(*SIGNALS) as signals:
        async for _ in signals:
            if scope.cancel_called:
                console.show_cursor()
                os._exit(INTERRUPTED)  # what our server has open ends by its leases
            scope.cancel()


async def made(order: Order, agents: Mapping[str, Agent], console: Console, scope: anyio.CancelScope) -> Outcome:
    """Make a run, or what is left of it, by agents of the plan's names, until the scope is cancelled."""
    folder = RunFolder(order.folder)
    # Within the scope are the attempts alone: to end their sessions the connection is needed, and the server.
    with locked(order.folder), faults(), ungrouped():
        async with _server(order) as server, server.connect() as client:
            proctor = await Proctor.at(client)
            facts = await _facts(order, folder, proctor)
            with Board(facts, console, plain=order.plan.by_hand) as board, scope:
                harness = Harness(Trial(server, proctor, folder, facts), agents, board, order.pauses)
                await harness.run(order.plan.places)
            if not console.is_terminal:
                console.print(board.table())
    if scope.cancel_called:
        return "interrupted"
    failed = any(attempt.state == "failed" for attempt in board.ended.values())
    return "failed" if failed else "finished"


async def _facts(order: Order, folder: RunFolder, proctor: Proctor) -> RunFacts:
    """The facts of a run that goes on, or of one that begins now."""
    tasks = await read_catalogue(proctor.client)
    asked = facts_of(order.plan, tasks, name=order.folder.name, now=time.time(), version=order.version)
    proctor.require_limits(asked.limits, asked.tasks)
    if folder.exists:
        begun = folder.read_run()
        require_same(begun, asked)
        return begun
    write(folder.path / PLAN, order.plan.model_dump_json(indent=2, exclude_none=True) + "\n")
    folder.write_run(asked)
    return asked


@asynccontextmanager
async def _server(order: Order) -> AsyncIterator[Server]:
    if order.plan.url is not None:
        yield Server(order.plan.url, order.headers)
        return
    async with started([*order.serve, *_options(order.plan)], order.folder / LOG) as server:
        yield server


def _options(plan: Plan) -> list[str]:
    """The options of `serve` that a plan asks for."""
    options = ["--tools", "evaluation", "--protocol", plan.protocol, "--max-sessions", str(plan.places)]
    options += ["--sandbox", plan.sandbox] if plan.sandbox else []
    options += ["--data-dir", str(plan.data_dir)] if plan.data_dir else []
    return options + [part for path in plan.tasks_dirs for part in ("--tasks-dir", str(path))]
