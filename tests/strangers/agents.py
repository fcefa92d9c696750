"""Command lines of others, run by a user who never used them before and can't reach beyond this machine."""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import anyio

from tests.strangers import node
from tests.strangers.outside import Outside, no_way_out

LIMIT = 90
"""Seconds for one run; far more than it takes, for slow machines."""


@dataclass(frozen=True)
class Ended:
    """What a program that has ended leaves."""

    status: int
    output: str
    errors: str


@dataclass(frozen=True)
class User:
    """Somebody with a home, a project folder in it, and our command in reach."""

    home: Path
    outside: Outside

    @property
    def project(self) -> Path:
        """The folder to work in."""
        return self.home / "project"

    @property
    def variables(self) -> dict[str, str]:
        """The whole environment; nothing of this process's own but where programs are."""
        programs = f"{node.PROGRAMS}:{Path(sys.executable).parent}:{node.environment()['PATH']}"
        return {"HOME": str(self.home), "PATH": programs, **self.outside.variables}

    async def run(self, *command: str, **variables: str) -> Ended:
        """Run a program in the project folder, with empty standard input, to its end."""
        with anyio.fail_after(LIMIT):
            ended = await anyio.run_process(
                command, input=b"", check=False, cwd=self.project, env=self.variables | variables
            )
        return Ended(ended.returncode, ended.stdout.decode(), ended.stderr.decode())


@asynccontextmanager
async def new_user(folder: Path) -> AsyncIterator[User]:
    """A user whose home is made below a folder."""
    assert (reason := node.missing()) is None, reason
    async with no_way_out() as outside:
        user = User(folder / "home", outside)
        user.project.mkdir(parents=True)
        yield user
