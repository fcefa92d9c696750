"""A window of a client that shows MCP Apps: headless Chromium, with a host page of the tests' own."""

import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from mcp import Client
from mcp.types import CallToolResult, TextResourceContents
from playwright.async_api import ConsoleMessage, FrameLocator, Page, async_playwright

from mlgym_mcp.tools.app import URI

CHROMIUM = shutil.which("chromium")
in_a_browser = pytest.mark.skipif(
    CHROMIUM is None and not os.environ.get("CI"), reason="Chromium is not installed: apt-get install chromium"
)
HOST = Path(__file__).with_name("host.html")


@dataclass
class Window:
    """Where one client's answers are shown."""

    page: Page
    client: Client
    complaints: list[str] = field(default_factory=list)
    """What the browser had to say."""

    @property
    def app(self) -> FrameLocator:
        return self.page.frame_locator("iframe")

    async def show(
        self, tool: str, *, theme: str = "light", asks: bool = True, width: int = 680, **arguments: Any
    ) -> None:
        """Call a tool and show what it answers, as hosts do."""
        [content] = (await self.client.read_resource(URI)).contents
        assert isinstance(content, TextResourceContents)
        result = plain(await self.client.call_tool(tool, arguments))
        context = {"theme": theme, "displayMode": "inline"}
        what = {"html": content.text, "result": result, "given": arguments, "context": context, "asks": asks}
        await self.page.evaluate("show", what | {"width": width})

    async def says(self, text: str) -> None:
        """Wait until the window says this."""
        await self.app.get_by_text(text).first.wait_for(timeout=10_000)

    async def heard(self) -> set[str]:
        """The methods that the window's page has sent so far."""
        return set(await self.page.evaluate("heard"))


@asynccontextmanager
async def window_of(client: Client) -> AsyncIterator[Window]:
    """A window on a client's server."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = await browser.new_page(viewport={"width": 700, "height": 600})
        window = Window(page, client)

        async def call(params: dict[str, Any]) -> dict[str, Any]:
            return plain(await client.call_tool(params["name"], params.get("arguments")))

        def complain(message: ConsoleMessage) -> None:
            window.complaints.append(message.text)

        page.on("console", complain)
        page.on("pageerror", lambda error: window.complaints.append(str(error)))
        await page.expose_function("callTool", call)
        await page.goto(HOST.as_uri())
        yield window
        await browser.close()


def plain(result: CallToolResult) -> dict[str, Any]:
    """A result as it is sent."""
    return result.model_dump(by_alias=True, mode="json", exclude_none=True)
