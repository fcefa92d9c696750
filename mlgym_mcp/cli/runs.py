"""`run`: many attempts of many agents at many tasks, and their records."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from mlgym_mcp import __version__
from mlgym_mcp.cli import completion
from mlgym_mcp.cli.console import show
from mlgym_mcp.cli.options import DataDir, Flavour, Sandbox, TasksDir, chosen
from mlgym_mcp.errors import SetupError

PLAN_OR_FOLDER = "A plan in YAML, or the folder of a run that is to go on."
STATUS = {"finished": 0, "failed": 1, "interrupted": 130}
NEXT = {
    "finished": "its report: mlgym-mcp report {}",
    "failed": "try what failed again: mlgym-mcp run {}",
    "interrupted": "go on: mlgym-mcp run {}",
}
RUNS = Path("runs")
SERVE = (sys.executable, "-m", "mlgym_mcp", "serve")
"""What starts a server of our own; options are added."""


def run(  # noqa: PLR0913 - one parameter an option
    plan: Annotated[Path | None, typer.Argument(help=PLAN_OR_FOLDER, show_default=False)] = None,
    task: Annotated[
        list[str] | None,
        typer.Option(
            help="An id, a domain, or all; may be repeated.", show_default=False, autocompletion=completion.tasks
        ),
    ] = None,
    agent: Annotated[
        list[str] | None,
        typer.Option(
            help="A kind, or YAML such as '{kind: scripted, file: calls.yaml}'; may be repeated.",
            show_default=False,
            autocompletion=completion.agents,
        ),
    ] = None,
    attempts: Annotated[
        int | None, typer.Option(help="Of each agent at each task; default: 4.", show_default=False)
    ] = None,
    concurrency: Annotated[
        int | None, typer.Option(help="Attempts at once; default: 2, by hand 1.", show_default=False)
    ] = None,
    steps: Annotated[int | None, typer.Option(help="Of one attempt; default: 50.", show_default=False)] = None,
    wall_time: Annotated[float | None, typer.Option(help="Seconds of one attempt.", show_default=False)] = None,
    tokens: Annotated[int | None, typer.Option(help="Of one attempt's model, in and out.", show_default=False)] = None,
    cost: Annotated[float | None, typer.Option(help="Of one attempt's model, in dollars.", show_default=False)] = None,
    protocol: Annotated[
        Literal["strict", "mlgym"] | None, typer.Option(help="What validate and submit see.", show_default=False)
    ] = None,
    flavour: Flavour = None,
    seed: Annotated[int | None, typer.Option(help="Of what agents draw; default: 0.", show_default=False)] = None,
    to: Annotated[
        Path | None, typer.Option(help="The run's folder; one that is there goes on.", show_default=False)
    ] = None,
    url: Annotated[
        str | None,
        typer.Option(help="A server that runs already; its token is in MLGYM_MCP_SERVER_TOKEN.", show_default=False),
    ] = None,
    sandbox: Sandbox = None,
    data_dir: DataDir = None,
    tasks_dir: TasksDir = None,
) -> None:
    """Have agents attempt tasks, as often as a plan says, and keep all that they do.

    The same command on the same folder goes on where it stopped. Status: 0 when every attempt is finished, 1 when the
    infrastructure failed some, 130 after Ctrl-C.
    """
    from mlgym_clients.runs.plan import Plan
    from mlgym_clients.runs.run import PLAN, Order, carry_out

    options: dict[str, Any] = {"tasks": task, "agents": agent and list(map(_agent, agent)), "attempts": attempts}
    options |= {"concurrency": concurrency, "steps": steps, "wall_time": wall_time, "tokens": tokens, "cost": cost}
    options |= {"protocol": protocol, "flavour": flavour, "seed": seed, "url": url, "sandbox": sandbox}
    options |= {"data_dir": data_dir, "tasks_dirs": tasks_dir}
    folder, file = (plan, plan / PLAN) if plan is not None and plan.is_dir() else (to, plan)
    if file is None and folder is not None and (folder / PLAN).is_file():
        file = folder / PLAN
    with mendable():
        asked = Plan.read(file, options)
        place = folder or RUNS / (asked.name or f"{datetime.now():%Y-%m-%d-%H%M%S}")
        order = Order(asked, place, SERVE, server_headers(), __version__)
        outcome = carry_out(order)
    show(f"{place}: {outcome}; {NEXT[outcome].format(place)}")
    raise SystemExit(STATUS[outcome])


def _agent(given: str) -> object:
    import yaml

    try:
        return yaml.safe_load(given)
    except yaml.YAMLError as error:
        raise SetupError(f"--agent {given!r} is no YAML: {' '.join(str(error).split())}.") from None


def server_headers() -> dict[str, str]:
    """What to show to a server that runs elsewhere."""
    from mlgym_clients.server import bearer

    token = chosen().server_token
    return {} if token is None else bearer(token.get_secret_value())


@contextmanager
def mendable() -> Iterator[None]:
    """What a user can mend is told in one sentence."""
    from mlgym_clients.agents.agent import BadOptions
    from mlgym_clients.records.folder import NoRun
    from mlgym_clients.runs.fault import Fault
    from mlgym_clients.runs.plan import BadPlan
    from mlgym_clients.server import ServerFailed

    try:
        yield
    except (BadOptions, BadPlan, NoRun, ServerFailed, Fault) as error:
        raise SetupError(str(error)) from None
