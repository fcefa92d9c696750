"""A whole server with real sandboxes, and a client that talks to it, in one process."""

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pytest
from mcp import Client
from mcp.types import CallToolResult, TextContent

from mlgym_mcp.server import catalog_of, open_server
from mlgym_mcp.services import open_backend
from mlgym_mcp.settings import Settings

BACKENDS = ["bubblewrap", pytest.param("docker", marks=pytest.mark.docker)]


SHIPPED = Path(__file__).parents[1] / "tasks"
GARMENTS = "garments-v1"


def garments(root: Path) -> Path:
    """A folder of tasks with Fashion-MNIST in it, as `garments-v1` and without PyTorch, which takes longest to make."""
    original = "image-classification-fmnist-v1"
    folder = shutil.copytree(SHIPPED / original, root / "tasks" / GARMENTS)
    text = (folder / "task.yaml").read_text()
    (folder / "task.yaml").write_text(text.replace(original, GARMENTS).replace("profile: torch", "profile: base"))
    return folder.parent


@dataclass
class Gateway:
    """A client of a server that stands on this machine's sandboxes."""

    client: Client
    settings: Settings

    async def call(self, tool: str, **arguments: Any) -> CallToolResult:
        """What a tool answers; an error fails the test."""
        result = await self.client.call_tool(tool, arguments)
        assert not result.is_error, text(result)
        return result

    async def start(self, task: str, **arguments: Any) -> str:
        """The handle of a new session, once it is open."""
        facts = (await self.call("start", task=task, wait_s=50, **arguments)).structured_content
        while facts and facts["state"] == "waiting":
            facts = (await self.call("status", session=facts["session"])).structured_content
        assert facts and facts["state"] == "open", facts
        return str(facts["session"])

    async def bash(self, session: str, command: str) -> str:
        """What a command prints, and the line after it."""
        return text(await self.call("bash", session=session, command=command, wait_s=50))

    async def create(self, session: str, path: str, content: str) -> None:
        """Write a file of the workspace."""
        await self.call("edit", session=session, command="create", path=path, file_text=content)

    async def score(self, tool: str, session: str) -> dict[str, Any]:
        """What `validate` or `submit` finds."""
        outcome = "pending"
        facts: dict[str, Any] = {}
        while outcome == "pending":
            facts = (await self.call(tool, session=session, wait_s=50)).structured_content or {}
            outcome = facts["outcome"]
        return facts


def text(result: CallToolResult) -> str:
    """All text of a result."""
    return "\n".join(block.text for block in result.content if isinstance(block, TextContent))


@asynccontextmanager
async def open_gateway(
    data_dir: Path, cache_dir: Path, *, sandbox: Literal["bubblewrap", "docker", "ray"] = "bubblewrap", **settings: Any
) -> AsyncIterator[Gateway]:
    """A server on a data folder of its own, and a client of the newest protocol revision.

    Sandboxes would outlive the server, as they should: they are removed when the block ends.
    """
    chosen = Settings(data_dir=data_dir, cache_dir=cache_dir, sandbox=sandbox, **settings)
    try:
        async with open_server(chosen) as server, Client(server) as client:
            yield Gateway(client, chosen)
    finally:
        async with open_backend(chosen, catalog_of(chosen)) as backend:
            for sandbox_id in await backend.ids():
                await backend.remove(sandbox_id)
