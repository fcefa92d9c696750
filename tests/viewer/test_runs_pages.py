"""The viewer's pages of runs: the report's figures, for whoever operates the server, also while a run goes on."""

from contextlib import AbstractAsyncContextManager
from pathlib import Path

import httpx2
import pytest
from mlgym_clients.records.attempt import AttemptKey
from mlgym_clients.records.folder import RunFolder
from mlgym_clients.reports.numbers import number
from mlgym_clients.reports.sections import Source, report_of_runs
from mlgym_clients.runs.lock import locked

from mlgym_mcp.cli import view
from mlgym_mcp.cli.run_folders import RunFolders
from mlgym_mcp.server import open_web
from mlgym_mcp.viewer.runs_pages import run_pages
from tests.clients.reports import a_run
from tests.fakes import World
from tests.tools.stage import services_of, settings_of
from tests.viewer.showing import pages_of
from tests.viewer.stage import read
from tests.web.stage import token_of

ATTEMPT = "/runs/games/blotto-v1/gpt-x/1"


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """A folder with one run."""
    a_run.make(tmp_path / "runs" / "games")
    return tmp_path / "runs"


def browser_of(runs: Path, shown: str | None = None) -> AbstractAsyncContextManager[httpx2.AsyncClient]:
    """A browser without scripts, in front of a viewer that asks for tokens where one is shown."""
    return pages_of(World(runs.parent), shown, more=run_pages(RunFolders((), runs)))


async def test_a_run_shows_the_figures_of_its_report(runs: Path) -> None:
    async with browser_of(runs) as browser:
        page = read(await browser.get("/runs/games"))
    ranked, upstream = report_of_runs([Source.read(runs / "games")], resamples=0).sections
    for section in (ranked, upstream):
        for method, figures in section.summary.methods["attempt"].items():
            submitted = section.summary.methods["submission"][method]
            assert f"{method} {figures.aup:.3f} {submitted.aup:.3f} {figures.fixed_aup:.3f}" in page
    cell = ranked.summary.cells["gpt-x"]["blotto-v1"]
    assert f"{number(cell.mean, cell.error)}" in page and f"{100 * (cell.pass_at_k or 0):.0f} %" in page
    assert "45 of 48" in page and "1 failed" in page and "not begun 1" in page


async def test_a_run_is_shown_as_it_goes_on(runs: Path) -> None:
    folder = RunFolder(runs / "games")
    (running,) = [one for one in folder.attempts() if one.state == "running"]
    async with browser_of(runs) as browser:
        with locked(folder.path):
            before = (await browser.get("/runs/games")).text
            folder.write_attempt(running.model_copy(update={"state": "finished", "exit_status": "just now"}))
            after = read(await browser.get("/runs/games", params={"ending": "just now"}))
        stopped = (await browser.get("/runs/games")).text
    assert "going on" in before and "just now" not in before and "data-refresh" in before
    assert "just now" in after and "1 of 47 that have begun" in after
    assert "going on" not in stopped and "data-refresh" not in stopped


async def test_an_attempt_shows_its_trajectory_and_nowhere_a_handle_or_anything_that_acts(runs: Path) -> None:
    async with browser_of(runs) as browser:
        answers = [await browser.get(place) for place in ("/runs", "/runs/games", ATTEMPT, f"{ATTEMPT}/events/1")]
    assert [answer.status_code for answer in answers] == [200] * 4
    attempt = answers[2].text
    assert attempt.count("<article") == 12 and "&lt;script&gt;alert(1)" in attempt
    for answer in answers:
        assert a_run.HANDLE not in answer.text and "<script>" not in answer.text
        assert "\x1b" not in answer.text and "\u202e" not in answer.text


async def test_runs_are_for_whoever_operates_the_server(runs: Path) -> None:
    world = World(runs.parent)
    mine, operators = token_of(world, "me"), token_of(world, "them", "read", "attempt", "operate")
    async with browser_of(runs, mine) as browser:
        refused = [await browser.get(place) for place in ("/runs", "/runs/games", ATTEMPT, f"{ATTEMPT}/events/1")]
        home = await browser.get("/")
        browser.headers["Authorization"] = f"Bearer {operators}"
        seen = await browser.get("/runs/games")
    assert [answer.status_code for answer in refused] == [404] * 4
    assert 'href="/runs"' not in home.text
    assert seen.status_code == 200 and 'href="/runs"' in seen.text


async def test_what_there_is_not_is_told_in_a_sentence(runs: Path) -> None:
    absent = (
        "/runs/other",
        "/runs/..%2Fgames",
        "/runs/games/blotto-v1/gpt-x/99",
        f"{ATTEMPT}x",
        f"{ATTEMPT}/events/13",
    )
    async with browser_of(runs) as browser:
        answers = [await browser.get(place) for place in absent]
    assert [answer.status_code for answer in answers] == [404] * 5


async def test_a_run_that_cant_be_read_says_why_and_hides_no_other(runs: Path) -> None:
    a_run.make(runs / "broken")
    broken = RunFolder(runs / "broken").attempt_file(AttemptKey("blotto-v1", "gpt-x", 1))
    broken.write_text("{")
    async with browser_of(runs) as browser:
        listed, itself = (await browser.get("/runs")).text, await browser.get("/runs/broken")
    assert "can&#39;t be read" in listed and 'href="/runs/games"' in listed
    assert itself.status_code == 404 and "attempt.json" in itself.text


async def test_an_imported_trajectory_is_shown_as_far_as_it_is_known(runs: Path) -> None:
    folder, key = RunFolder(runs / "games"), AttemptKey("blotto-v1", "gpt-x", 1)
    told = {"head": "seen of old", "tail": "", "omitted": 0, "cwd": "/workspace", "running": False}
    foreign = {"kind": "bash", "at": 0.0, "seconds": 1.0, "request": {"command": "ls -a"}, "reply": {"result": told}}
    folder.write_events(key, [{**foreign, "error": None}, {"kind": 1, "reply": [2]}])
    async with browser_of(runs) as browser:
        page = (await browser.get(ATTEMPT)).text
    assert "ls -a" in page and "seen of old" in page and page.count("<article") == 2


async def test_a_server_shows_the_runs_of_its_folder_of_runs(runs: Path) -> None:
    world = World(runs.parent)
    settings = settings_of(world, runs_dir=runs)
    async with open_web(settings, services_of(world), pages=view.run_pages(settings)) as app:
        async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://127.0.0.1") as browser:
            assert 'href="/runs/games"' in (await browser.get("/runs")).text
