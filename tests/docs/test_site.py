"""The site is built without a warning, leads somewhere with each link, and loads nothing from elsewhere."""

import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from tests.docs.pages import PAGES, REPOSITORY

MADE = {"search.html", "genindex.html"}
"""Pages of the generator's own."""


class Page(HTMLParser):
    """What a page of the site leads to, loads, and can be led to."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path, self.links, self.loaded, self.anchors = path, set[str](), set[str](), {""}
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.anchors.add(given.get("id", ""))
        if "href" in given:
            (self.loaded if given.get("rel") in ("stylesheet", "icon", "preload") else self.links).add(given["href"])
        if "src" in given:
            self.loaded.add(given["src"])


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> dict[Path, Page]:
    """All pages of the site, as README's command builds it."""
    folder = tmp_path_factory.mktemp("site")
    build = [sys.executable, "-m", "sphinx", "-W", "--quiet", "-c", "docs", ".", str(folder)]
    ended = subprocess.run(build, cwd=REPOSITORY, capture_output=True, text=True)
    assert (ended.returncode, ended.stderr) == (0, "")
    return {path: Page(path) for path in folder.rglob("*.html")}


def leads_astray(link: str, page: Page, site: dict[Path, Page]) -> bool:
    parts = urlsplit(link)
    if parts.scheme:
        return False  # beyond the site
    target = (page.path.parent / unquote(parts.path)).resolve() if parts.path else page.path
    return parts.fragment not in site[target].anchors if target in site else not target.is_file()


def test_the_site_has_each_page_and_every_link_in_it_leads_somewhere(site: dict[Path, Page]) -> None:
    folder = next(path.parent for path in site if path.name == "search.html")
    assert {(folder / page).with_suffix(".html") for page in PAGES} <= site.keys()
    astray = {
        (page.path.name, link)
        for page in site.values()
        for link in page.links | page.loaded
        if page.path.name not in MADE and leads_astray(link, page, site)
    }
    assert not astray


def test_the_site_loads_nothing_from_elsewhere(site: dict[Path, Page]) -> None:
    assert not {link for page in site.values() for link in page.loaded if urlsplit(link).netloc}
    sheets = {sheet for page in site for sheet in page.parent.rglob("*.css")}
    assert sheets
    assert not [sheet for sheet in sheets if re.search(r"@import|url\(['\"]?(https?:)?//", sheet.read_text())]
