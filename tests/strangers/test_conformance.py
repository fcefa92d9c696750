"""The official conformance suite finds nothing to complain of, in either era, over HTTP."""

from pathlib import Path

import pytest

from tests.processes import http_server
from tests.strangers.conformance import WITHOUT_FIXTURES, examine
from tests.strangers.served import server_with_fixtures

pytestmark = pytest.mark.strangers

REQUIRED = {"2025-11-25": 30, "2026-07-28": 37}
"""Server scenarios that each revision requires, in the suite of package.json."""
UNSCORED = {"2025-11-25": "server-session-lifecycle", "2026-07-28": "http-header-validation"}
"""A scenario that each revision's requirements do not count yet, and that needs no fixtures."""
TASKS = {"2025-11-25": 0, "2026-07-28": 10}
"""Scenarios of the Tasks extension, which no requirements count."""
NOT_YET = ("json-schema-2020-12", "server-sse-polling", "http-custom-header-server-validation")
"""Scenarios of extensions and of options that the server does not have; none is required."""


@pytest.mark.filterwarnings("ignore::mcp.MCPDeprecationWarning")
@pytest.mark.parametrize("revision", REQUIRED)
async def test_every_required_scenario_passes_on_the_server_with_the_fixtures_of_the_suite(
    tmp_path: Path, revision: str
) -> None:
    async with server_with_fixtures(tmp_path) as url:
        verdict = await examine(url, tmp_path / "found", revision)
    counted = {scenario for scenario in verdict.scenarios if not scenario.startswith(NOT_YET)}
    assert [failure for failure in verdict.failures if not failure.startswith(NOT_YET)] == []
    assert verdict.passed, verdict.output
    assert len(counted) == REQUIRED[revision] + 1 + TASKS[revision]
    assert UNSCORED[revision] in counted


@pytest.mark.parametrize("revision", REQUIRED)
async def test_the_server_as_it_is_fails_only_what_asks_for_a_fixture_by_name(
    tmp_path: Path, cache_dir: Path, revision: str
) -> None:
    async with http_server(tmp_path, cache_dir, sandbox="fake") as (url, _):
        verdict = await examine(f"{url}/mcp", tmp_path / "found", revision, expected_failures=WITHOUT_FIXTURES)
    assert [failure for failure in verdict.failures if failure.startswith(UNSCORED[revision])] == []
    assert verdict.passed, verdict.output
