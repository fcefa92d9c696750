"""What doctor finds on a machine, and what it says about it."""

import io
from pathlib import Path

import anyio
import pytest
from rich.console import Console

from mlgym_mcp import doctor
from mlgym_mcp.sandbox import probes
from mlgym_mcp.sandbox.probes import Finding
from mlgym_mcp.settings import Settings


async def test_every_subject_is_reported_once_and_in_order(tmp_path: Path) -> None:
    with anyio.fail_after(60):
        subjects = [finding.subject for finding in await doctor.findings(Settings(cache_dir=tmp_path))]
    assert subjects[:6] == ["python", "bubblewrap", "docker", "memory limits", "disk quota", "capacity"]
    assert {"GPUs", "environment base", "image base", "data of Fashion-MNIST"} <= set(subjects)
    assert len(subjects) == len(set(subjects))


async def test_an_environment_that_is_not_made_names_the_command_that_makes_it(tmp_path: Path) -> None:
    with anyio.fail_after(60):
        found = {finding.subject: finding for finding in await doctor.findings(Settings(cache_dir=tmp_path))}
    assert found["environment plain"].ok
    assert not found["environment base"].ok
    assert found["environment base"].fix == "mlgym-mcp env prepare base"


@pytest.mark.parametrize(
    ("output", "said"),
    [
        ("bwrap: No permissions to create new namespace, likely because the kernel …", "forbidden"),
        ("bwrap: Creating new namespace failed: nesting depth or … exceeded (ENOSPC)", "run out"),
        ("bwrap: setting up uid map: Permission denied", "AppArmor"),
    ],
)
def test_a_refusal_of_bubblewrap_is_explained(output: str, said: str) -> None:
    finding = probes.refusal(output)
    assert not finding.ok
    assert said in finding.detail
    assert finding.fix is not None


@pytest.mark.parametrize(
    ("version", "new"),
    [
        ("bubblewrap 0.8.0", True),
        ("bubblewrap 0.11", True),
        ("bubblewrap 1.0", True),
        ("bubblewrap 0.4.1", False),
        ("", False),
    ],
)
def test_a_bubblewrap_that_is_too_old_is_none(version: str, new: bool) -> None:
    assert probes.new_enough(version) is new


@pytest.mark.parametrize(
    "output", ["unshare: unshare failed: Operation not permitted", "bwrap: No permissions to create new namespace"]
)
def test_in_a_container_it_is_the_container_that_forbids(output: str) -> None:
    finding = probes.refusal(output, contained=True)
    assert "container" in finding.detail and "--privileged" in (finding.fix or "")


def test_an_unknown_refusal_is_passed_on_as_it_is() -> None:
    assert probes.refusal("bwrap: something new\n") == Finding("bubblewrap", False, "bwrap: something new")


@pytest.mark.parametrize(
    ("subjects", "able"),
    [(["python", "bubblewrap"], True), (["docker"], True), (["bubblewrap"], False), ([], False)],
)
def test_a_machine_is_able_when_one_backend_works(subjects: list[str], able: bool) -> None:
    assert doctor.able([Finding(subject, True, "works") for subject in subjects]) is able


def test_the_table_shows_what_mends_a_fault() -> None:
    console = Console(width=100, file=io.StringIO(), record=True)
    console.print(doctor.table([Finding("docker", False, "no engine answers", "systemctl start docker")]))
    assert "systemctl start docker" in console.export_text()
