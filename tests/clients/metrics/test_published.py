"""The published table of five models and the baseline: our AUP is what an independent computation comes to."""

import csv
from pathlib import Path

import pytest
from mlgym_clients.metrics.of_csv import read_table
from mlgym_clients.metrics.summary import Summary, summarise
from mlgym_clients.metrics.table import Which

from tests.clients.metrics import naive

PUBLISHED = Path(__file__).with_name("published.csv")
MODELS = {"Llama-3.1-405b", "GPT-4o", "Claude-3.5-Sonnet", "Gemini-1.5-Pro", "o1-preview"}


def rows() -> list[dict[str, str]]:
    with PUBLISHED.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def naive_table(which: Which) -> naive.Table:
    table: naive.Table = {}
    for row in rows():
        table.setdefault(row["task"], {"baseline": row["baseline"]})[row["method"]] = row[which] or None
    return table


@pytest.fixture(scope="module")
def summary(tmp_path_factory: pytest.TempPathFactory) -> Summary:
    """By way of a file as anybody would write it, without a catalogue."""
    path = tmp_path_factory.mktemp("published") / "scores.csv"
    path.write_text(PUBLISHED.read_text().replace("method,attempt,", "method,score,"))
    return summarise(read_table(path, {}), 1)


@pytest.mark.parametrize("which", ["attempt", "submission"])
def test_the_area_is_that_of_an_independent_computation(summary: Summary, which: Which) -> None:
    minimised = {row["task"] for row in rows() if row["goal"] == "minimize"}
    tables = {one: naive.ratio_table(naive_table(one), minimised) for one in ("attempt", "submission")}
    end = naive.end_of_grid([*tables["attempt"][1], *tables["submission"][1]])
    assert summary.profiles[which].tau_max == end == 1.2
    ours = summary.profiles[which].areas
    assert set(ours) == {*MODELS, "baseline"}
    for method, found in ours.items():
        assert found == pytest.approx(naive.area(tables[which][0], method, end), abs=5e-4)
        # A left sum of a rising profile is at most one step of the grid below the area itself.
        exact = naive.exact_area(tables[which][0], method, end)
        assert exact - end / (naive.POINTS - 1) <= found <= exact + 1e-12
