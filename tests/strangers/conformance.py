"""The official conformance suite, run against an address."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from subprocess import STDOUT

import anyio

from tests.processes import LIMIT
from tests.strangers.node import FOLDER, environment, program

WITHOUT_FIXTURES = FOLDER / "without_fixtures.yaml"


@dataclass(frozen=True)
class Verdict:
    """What the suite found."""

    passed: bool
    output: str
    failures: tuple[str, ...]
    """`scenario:check: why` of each check that failed, expected or not, required or not."""
    scenarios: frozenset[str]
    """What was run."""


async def examine(url: str, folder: Path, revision: str, *, expected_failures: Path | None = None) -> Verdict:
    """All server scenarios that a protocol revision requires, and those that the suite runs without scoring them."""
    command = [program("conformance"), "server", "--url", url, "--requirements", revision, "--output-dir", str(folder)]
    if expected_failures is not None:
        command += ["--expected-failures", str(expected_failures)]
    with anyio.fail_after(LIMIT):
        ended = await anyio.run_process(command, check=False, stderr=STDOUT, env=environment())
    scenarios = frozenset(_scenario(file) for file in folder.glob("*/checks.json"))
    return Verdict(ended.returncode == 0, _summary(ended.stdout.decode()), tuple(_failures(folder)), scenarios)


def _failures(folder: Path) -> Iterator[str]:
    for file in sorted(folder.glob("*/checks.json")):
        for check in json.loads(file.read_text()):
            if check["status"] == "FAILURE":
                yield f"{_scenario(file)}:{check['id']}: {check.get('errorMessage')}"


def _scenario(checks: Path) -> str:
    """The scenario of a folder `server-<scenario>-<date>T<time>`."""
    return checks.parent.name.removeprefix("server-").rsplit("-", 6)[0]


def _summary(output: str) -> str:
    return output[output.find("=== SUMMARY") :]
