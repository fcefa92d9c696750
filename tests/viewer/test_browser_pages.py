"""Catalogue, leaderboards, comparison and runs in a real browser."""

from pathlib import Path

from mlgym_clients.runs.lock import locked
from playwright.async_api import Browser, expect

from mlgym_mcp.cli.run_folders import RunFolders
from mlgym_mcp.store import Store
from mlgym_mcp.viewer.runs_pages import run_pages
from tests.clients.reports import a_run
from tests.fakes import World
from tests.viewer.showing import pages_of
from tests.viewer.test_browser import LIMIT, browser, pytestmark, tab  # noqa: F401 - what tests in a browser need
from tests.viewer.test_catalogue_pages import attempt
from tests.viewer.test_comparison import bash, session, validated


async def test_attempts_are_ticked_and_compared_without_scripts_on_a_narrow_screen(
    tmp_path: Path,
    browser: Browser,  # noqa: F811
) -> None:
    world = World(tmp_path)
    async with pages_of(world) as served, tab(browser, str(served.base_url).rstrip("/"), scripts=False) as opened:
        page = opened.page
        with Store.open(world.folder / "data") as store:
            session(store, "one", bash("ls"), validated(0.625, 2))
            session(store, "two", bash("pwd"), validated(0.75, 2))
            attempt(store, "a1", 0.9)
        await page.set_viewport_size({"width": 360, "height": 700})
        await page.goto("/?state=ended")
        for box in await page.get_by_role("checkbox").all():
            await box.check()
        await page.get_by_role("button", name="Compare").click()
        await expect(page.get_by_role("heading", name="Comparison")).to_be_visible(timeout=LIMIT)
        await expect(page.get_by_role("img", name="accuracy over steps")).to_be_visible(timeout=LIMIT)
        await expect(page.get_by_text("at event 1: did something else")).to_be_visible(timeout=LIMIT)
        for link, heading in (("Tasks", "Tasks"), ("Toy", "Toy"), ("0.9", "Leaderboard: Toy")):
            if link == "0.9":
                await page.goto("/tasks")
            await page.get_by_role("link", name=link, exact=True).first.click()
            await expect(page.get_by_role("heading", name=heading, exact=True)).to_be_visible(timeout=LIMIT)
            box_of_page = await page.locator("main").bounding_box()
            assert box_of_page is not None and box_of_page["width"] <= 360


async def test_a_run_changes_by_itself_while_it_goes_on_and_no_longer(
    tmp_path: Path,
    browser: Browser,  # noqa: F811
) -> None:
    folder = a_run.make(tmp_path / "runs" / "games")
    (running,) = [one for one in folder.attempts() if one.state == "running"]
    pages = run_pages(RunFolders((), tmp_path / "runs"))
    async with (
        pages_of(World(tmp_path), more=pages) as served,
        tab(browser, str(served.base_url).rstrip("/")) as opened,
    ):
        page = opened.page
        with locked(folder.path):
            await page.goto("/runs/games")
            await page.evaluate("globalThis.untouched = true")  # gone with the first reload
            await expect(page.get_by_text("45 of 48")).to_be_visible(timeout=LIMIT)
            folder.write_attempt(running.model_copy(update={"state": "finished", "exit_status": "just now"}))
            await expect(page.get_by_text("46 of 48")).to_be_visible(timeout=LIMIT)
            await expect(page.locator("#list")).to_contain_text("just now", timeout=LIMIT)
        await expect(page.get_by_text("stopped")).to_be_visible(timeout=LIMIT)
        assert await page.evaluate("globalThis.untouched && !document.querySelector('[data-refresh]')")
