"""The demo: a scripted agent attempts tasks over MCP, as any client would, and its scores are shown."""

from collections.abc import Mapping, Sequence
from typing import Any

import anyio
from mcp import Client, StdioServerParameters
from rich.console import Console

from mlgym_clients.attempts import ATTEMPTS
from mlgym_clients.display import Steps, results_table
from mlgym_clients.workbench import Grade, Workbench, call, facts_of


def run(command: Sequence[str], environment: Mapping[str, str], tasks: Sequence[str]) -> bool:
    """Play the attempts at a server that `command` starts, and print a table; whether all submissions were scored."""
    console = Console()
    server = StdioServerParameters(command=command[0], args=list(command[1:]), env=dict(environment))
    attempted = anyio.run(play, server, tasks, console)
    console.print(results_table(attempted))
    return all(grade.outcome == "scored" for _, grade in attempted)


async def play(
    server: StdioServerParameters, tasks: Sequence[str], console: Console
) -> list[tuple[dict[str, Any], Grade]]:
    """Start a server, attempt each task in turn, and end the server; each task with what its submission earned."""
    async with Client(server) as client:
        listed = facts_of(await call(client, "list_tasks"))["tasks"]
        catalogue = {task["id"]: task for task in listed}
        return [(catalogue[task], await attempt(client, catalogue[task], console)) for task in tasks]


async def attempt(client: Client, task: dict[str, Any], console: Console) -> Grade:
    """Play the scripted attempt at one task in a session of its own."""
    console.print(f"\n[bold]{task['title']}[/bold] ({task['id']})", highlight=False)
    with Steps(console) as steps:
        bench = await Workbench.open(client, task["id"], steps)
        return await ATTEMPTS[task["id"]](bench)
