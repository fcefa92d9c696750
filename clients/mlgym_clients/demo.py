"""The demo: a scripted agent attempts tasks over MCP, as any client would, and its scores are shown."""

from collections.abc import Mapping, Sequence
from typing import Any

import anyio
from mcp import Client, StdioServerParameters
from rich.console import Console

from mlgym_clients.attempts import ATTEMPTS
from mlgym_clients.display import Steps, results_table
from mlgym_clients.workbench import Grade, Refused, Workbench, call, facts_of


def run(command: Sequence[str], environment: Mapping[str, str], tasks: Sequence[str]) -> bool:
    """Play the attempts at a server that `command` starts, and print a table; whether all submissions were scored."""
    console = Console()
    server = StdioServerParameters(command=command[0], args=list(command[1:]), env=dict(environment))
    graded = anyio.run(play, server, tasks, console)
    if graded:
        console.print(results_table(graded))
    return len(graded) == len(tasks) and all(grade.outcome == "scored" for _, grade in graded)


async def play(
    server: StdioServerParameters, tasks: Sequence[str], console: Console
) -> list[tuple[dict[str, Any], Grade]]:
    """Start a server, attempt each task in turn, and end the server; each graded task with its grade."""
    async with Client(server) as client:
        listed = facts_of(await call(client, "list_tasks"))["tasks"]
        wanted = [task for task in listed if task["id"] in tasks]
        graded = [(task, await attempt(client, task, console)) for task in wanted]
        return [(task, grade) for task, grade in graded if grade is not None]


async def attempt(client: Client, task: dict[str, Any], console: Console) -> Grade | None:
    """Play the scripted attempt at one task in a session of its own; None when the server refused it."""
    console.print(f"\n[bold]{task['title']}[/bold] ({task['id']})", highlight=False)
    with Steps(console) as steps:
        try:
            bench = await Workbench.open(client, task["id"], steps)
            return await ATTEMPTS[task["id"]](bench)
        except Refused as refusal:
            steps.ends(f"refused: {refusal}")
            return None
