"""`mlgym-mcp report`: a page that tells the truth about a run, and lets nothing in it act."""

import csv
import json
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest
from mlgym_clients.metrics.of_csv import read_table
from mlgym_clients.metrics.summary import summarise
from mlgym_clients.reports.files import ExtraMissing, write_report
from mlgym_clients.reports.numbers import duration, money, number
from mlgym_clients.reports.plots import share_plot
from mlgym_clients.reports.sections import Source, report_of_runs
from mlgym_clients.reports.trajectories import WHOLE_PAGE, shown
from mlgym_clients.visible import visible

from tests.cli.terminal import ran
from tests.clients.reports import a_run


class Page(HTMLParser):
    """What matters of a page: its tags, its links, its ids and its text."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.links: list[str] = []
        self.ids: list[str] = []
        self.text = ""
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        for name, value in attrs:
            if name in ("href", "src") and value and not value.startswith("#"):
                self.links.append(value)
            if name == "id" and value:
                self.ids.append(value)

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.fixture(scope="module")
def reported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report's folder of a run that is not whole."""
    run = tmp_path_factory.mktemp("runs") / "a-run"
    a_run.make(run)
    ended = ran("report", str(run), "--published")
    assert ended.exit_code == 0, (ended.output, ended.exception)
    assert "full data, protocol strict, k = 4" in ended.output
    return run / "report"


def test_the_page_needs_nothing_else_and_its_links_lead_somewhere(reported: Path) -> None:
    page = Page(reported / "report.html")
    assert page.links and all((reported / link).is_file() for link in page.links)
    assert {"script", "link", "img", "iframe"}.isdisjoint(page.tags)
    assert len(page.ids) == len(set(page.ids)), "plots' ids don't clash"
    assert {"caption", "figcaption", "main", "h1", "h2", "h3"} <= page.tags


def test_it_says_what_it_is_of_and_what_is_missing(reported: Path) -> None:
    text = Page(reported / "report.html").text
    assert "45 finished, 1 failed through the infrastructure, 1 running or interrupted, 1 not begun" in text
    assert "This run is not complete" in text
    assert "Full data, protocol strict" in text and "on all of the original's examples" in text
    assert "o1-preview (published)" in text and "3-sat-v1 is left out: other clocks" in text
    assert "evaluation_format_error (submit)" in text


def test_who_has_fewer_attempts_than_were_asked_for_has_a_dash_and_published_models_their_best(reported: Path) -> None:
    ranked, upstream = json.loads((reported / "report.json").read_text())["sections"]
    cells = ranked["cells"]["gpt-x"]
    assert {task: cell["best_attempt"] is not None for task, cell in cells.items() if cell["made"] < 4} == {
        "image-classification-fmnist-v1": False,
    }
    assert all(cell["best_attempt"] is not None for cell in cells.values() if cell["made"] == 4)
    published = upstream["cells"]["o1-preview (published)"]["battle-of-the-sexes-v1"]
    assert (published["best_attempt"], published["mean"]) == (1.44, None)


def test_no_file_of_it_names_a_session(reported: Path) -> None:
    files = [path for path in reported.rglob("*") if path.is_file()]
    assert not [path.name for path in files if a_run.HANDLE.encode() in path.read_bytes()]


def test_its_numbers_are_those_of_the_metrics(reported: Path) -> None:
    sections = json.loads((reported / "report.json").read_text())["sections"]
    page = Page(reported / "report.html").text
    for section, name in zip(sections, ("scores.csv", "scores-2.csv"), strict=True):
        again = summarise(read_table(reported / name, {}), section["k"], resamples=0)
        for method, figures in again.methods["attempt"].items():
            assert section["methods"]["attempt"][method]["aup"] == pytest.approx(figures.aup)
            assert f"{figures.aup:.3f}" in page
    rows = list(csv.DictReader((reported / "attempts.csv").read_text().splitlines()))
    assert len(rows) == 47 and {row["state"] for row in rows} == {"finished", "failed", "running"}


def test_a_table_of_scores_is_enough(reported: Path, tmp_path: Path) -> None:
    ended = ran("report", "--scores", str(reported / "scores.csv"), "--to", str(tmp_path))
    assert ended.exit_code == 0 and "as given" in ended.output
    assert "All attempts" not in Page(tmp_path / "report.html").text


def test_nothing_that_an_agent_wrote_acts_or_hides(reported: Path) -> None:
    for path in [*(reported / "trajectories").iterdir(), reported / "report.html"]:
        page, source = Page(path), path.read_text(encoding="utf-8")
        assert "script" not in page.tags
        assert not {"\u202e", "\x00", "\x1b"} & set(source)
    text = Page(reported / "trajectories" / "1.blotto-v1.gpt-x.1.html").text
    assert "<script>alert(1)</script> red ⟨U+202E⟩gnp.exe⟨U+202C⟩ ␀end" in text
    assert "Conversation" in text


def test_ten_thousand_events_make_a_page_that_opens() -> None:
    long = [{**event, "request": {"command": "y" * 10**5}} for event in [a_run._event(1)]] * 10_000
    assert sum(len(one.asked) + len(one.came) for one in shown(long, 50)) < 2 * WHOLE_PAGE


def test_text_is_cut_in_the_middle_and_its_controls_are_named() -> None:
    assert visible("a\tb\r\nc\x07d") == "a\tb\nc␇d"
    assert visible("a\U000e0041b\u2060c\ud83d") == "a⟨U+E0041⟩b⟨U+2060⟩c⟨U+D83D⟩"
    assert visible("x" * 100, 20) == "x" * 10 + "\n[… 80 characters left out …]\n" + "x" * 10


def test_names_in_plots_are_no_formulas() -> None:
    drawn = share_plot("endings", "How attempts ended.", {"$x^$": {"$\\frac$": 1}}).svg
    assert "$x^$" in drawn and "$\\frac$" in drawn


def test_sample_and_full_have_sections_of_their_own(tmp_path: Path) -> None:
    a_run.make(tmp_path / "full", attempts=1)
    a_run.make(tmp_path / "sample", flavour="sample", attempts=1)
    report = report_of_runs([Source.read(tmp_path / name) for name in ("full", "sample")])
    titles = [section.title for section in report.sections]
    assert [title.split(",")[0] for title in titles] == ["full data", "full data", "sample data"]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ((), "name the folders of runs, or a table with --scores"),
        (("nowhere",), "there is no nowhere/run.json"),
        (("--scores", "nowhere.csv"), "nowhere.csv can't be read"),
    ],
)
def test_what_is_no_run_is_refused(arguments: tuple[str, ...], told: str) -> None:
    assert told in str(ran("report", *arguments).exception)


def test_without_the_extra_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    a_run.make(tmp_path, attempts=1)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ExtraMissing, match=r"pip install 'mlgym-mcp\[report\]'"):
        write_report(report_of_runs([Source.read(tmp_path)]), tmp_path / "report")


def test_numbers_read_well() -> None:
    assert [number(0.123456), number(123456.7), number(1.44, 0.0031), number(None)] == [
        "0.1235",
        "123457",
        "1.4400 ± 0.0031",
        "–",
    ]
    assert [money(0.0004), money(1.234), money(None)] == ["$0.0004", "$1.23", "–"]
    assert [duration(61), duration(3600), duration(86400)] == ["61 s", "60 min", "24.0 h"]
