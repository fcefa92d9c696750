"""The pages in a real browser: nothing is fetched from elsewhere, nothing is refused by their own policy."""

import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, ConsoleMessage, Page, Request, async_playwright, expect

from tests.fakes import World
from tests.tools.stage import start
from tests.viewer.stage import page_of
from tests.web.stage import TOKEN, site

CHROMIUM = shutil.which("chromium")
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
LIMIT = 30_000
"""Milliseconds; far more than is needed, for slow machines."""

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None and not os.environ.get("CI"), reason="there is no Chromium"),
    pytest.mark.asyncio(loop_scope="module"),
]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    """One for all tests."""
    async with async_playwright() as playwright:
        started = await playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        yield started
        await started.close()


@dataclass
class Tab:
    """A page of the browser, and what went wrong in it."""

    page: Page
    complaints: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)


@asynccontextmanager
async def tab(browser: Browser, url: str, *, scripts: bool = True) -> AsyncIterator[Tab]:
    """A new tab on a server's pages; nothing may have gone wrong in it at its end."""
    context = await browser.new_context(base_url=url, java_script_enabled=scripts)
    context.set_default_timeout(LIMIT)
    opened = Tab(await context.new_page())

    def said(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and "status of 401" not in message.text:
            opened.complaints.append(message.text)

    def requested(request: Request) -> None:
        opened.asked.append(request.url)

    opened.page.on("console", said)
    opened.page.on("pageerror", lambda error: opened.complaints.append(str(error)))
    opened.page.on("request", requested)
    yield opened
    await context.close()
    assert opened.complaints == []
    assert [one for one in opened.asked if not one.startswith(f"{url}/")] == []


async def sign_in(page: Page) -> None:
    """Sign in by the keyboard."""
    await page.get_by_label("Token").fill(TOKEN)
    await page.keyboard.press("Enter")


async def test_a_visitor_signs_in_follows_a_session_and_finds_what_it_looks_for(
    tmp_path: Path, browser: Browser
) -> None:
    world = World(tmp_path)
    async with site(world, token=TOKEN) as served, served.client() as client, tab(browser, served.url) as opened:
        session, page = await start(client), opened.page
        place = page_of(world, session)
        await page.goto(place)
        await sign_in(page)
        await expect(page.get_by_role("heading", name="Toy")).to_be_visible(timeout=LIMIT)
        await expect(page.get_by_text("Live: changes appear by themselves.")).to_be_visible(timeout=LIMIT)
        await page.evaluate("globalThis.untouched = true")  # gone with the first reload

        hostile = "<img src=x onerror=alert(1)><script>alert(2)</script>"
        await client.call_tool("bash", {"session": session, "command": f"echo '{hostile}'"})
        await client.call_tool("validate", {"session": session})
        await expect(page.locator("#e1 pre").last).to_have_text(hostile, timeout=LIMIT)
        await expect(page.locator("#e2")).to_contain_text("accuracy 0.75", timeout=LIMIT)
        await expect(page.locator("#scores svg")).to_be_visible(timeout=LIMIT)
        await expect(page.locator("#head")).to_contain_text("2 of 10 steps", timeout=LIMIT)
        assert await page.evaluate("globalThis.untouched")

        await page.get_by_label("Text in calls and output").fill("onerror")
        await page.keyboard.press("Enter")
        await expect(page.get_by_text("1 of 2 events")).to_be_visible(timeout=LIMIT)
        await page.goto(f"{place}#e2")
        assert await page.evaluate("document.querySelector(':target').id") == "e2"
        await page.get_by_role("button", name="Sign out").click()
        await expect(page.get_by_role("heading", name="Sign in")).to_be_visible(timeout=LIMIT)


async def test_the_list_changes_by_itself_and_keeps_the_keyboards_place(tmp_path: Path, browser: Browser) -> None:
    world = World(tmp_path)
    async with site(world) as served, served.client() as client, tab(browser, served.url) as opened:
        page = opened.page
        session = await start(client)
        await page.goto("/")
        link = page.get_by_role("link", name="toy-v1")
        await link.focus()
        await client.call_tool("bash", {"session": session, "command": "true"})
        await expect(page.locator("#rows")).to_contain_text("of 10", timeout=LIMIT)
        await expect(page.locator("#rows td.n").first).to_contain_text("1", timeout=LIMIT)
        await expect(link).to_be_focused(timeout=LIMIT)
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("heading", name="Trajectory")).to_be_visible(timeout=LIMIT)
        await page.goto(f"{page_of(world, session)}")
        await page.keyboard.press("Tab")
        await expect(page.get_by_text("Skip to the content")).to_be_focused(timeout=LIMIT)
        await page.keyboard.press("Enter")
        await expect(page.locator("main")).to_be_focused(timeout=LIMIT)


async def test_everything_can_be_read_without_scripts_and_on_a_narrow_screen(tmp_path: Path, browser: Browser) -> None:
    world = World(tmp_path)
    async with (
        site(world, token=TOKEN) as served,
        served.client() as client,
        tab(browser, served.url, scripts=False) as opened,
    ):
        session, page = await start(client), opened.page
        await client.call_tool("bash", {"session": session, "command": "echo hello"})
        await client.call_tool("validate", {"session": session})
        await page.set_viewport_size({"width": 360, "height": 700})
        await page.goto("/?state=running")
        await sign_in(page)
        await page.get_by_role("link", name="toy-v1").click()
        await expect(page.locator("#e1")).to_contain_text("hello", timeout=LIMIT)
        await page.get_by_text("The same as a table").click()
        await expect(page.get_by_role("cell", name="0.75")).to_be_visible(timeout=LIMIT)
        # Only what says so scrolls sideways, never the page.
        box = await page.locator("main").bounding_box()
        assert box is not None and box["width"] <= 360
