"""Completion: what may stand in a prompt's or a resource template's argument."""

from typing import Any

from mcp.server import MCPServer
from mcp.types import Completion, CompletionArgument, CompletionContext, PromptReference
from mcp.types import ResourceTemplateReference as TemplateReference

from mlgym_mcp.errors import MLGymError
from mlgym_mcp.tools.caller import current_caller
from mlgym_mcp.tools.desk import Desk
from mlgym_mcp.tools.files import files_of

MAX_VALUES = 100


def add_completion(server: MCPServer[Any], desk: Desk) -> None:
    """Have a server complete every argument that its prompts and templates have."""

    @server.completion()  # type: ignore[no-untyped-call, untyped-decorator]  # the SDK leaves it untyped
    async def complete(
        reference: PromptReference | TemplateReference, argument: CompletionArgument, context: CompletionContext | None
    ) -> Completion:
        given = (context.arguments if context else None) or {}
        try:
            desk.guard.require("read")
            known = await _known(desk, argument.name, given)
        except MLGymError:
            known = []  # a list of suggestions has no room for what went wrong; the call itself will say it
        values = [value for value in known if value.startswith(argument.value)]
        return Completion(values=values[:MAX_VALUES], total=len(values), has_more=len(values) > MAX_VALUES)


async def _known(desk: Desk, argument: str, given: dict[str, str]) -> list[str]:
    if argument in ("task", "id"):
        return [task.id for task in await desk.tasks()]
    if argument == "path" and "id" in given:
        return list(files_of(await desk.task(given["id"])))
    if argument == "session":
        return await _sessions(desk)
    return []


async def _sessions(desk: Desk) -> list[str]:
    """The handles that the caller holds anyway."""
    caller = current_caller()
    if caller.session is not None:
        return [caller.session]
    if desk.one_session or not caller.known:
        return []
    manager = await desk.manager()
    return [session.id for session in manager.open_sessions(caller.principal)]
