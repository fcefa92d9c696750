"""The agent `random`: what is reached without knowing anything.

It makes some moves, each drawn at random: it looks at a file, runs a Python program of the workspace for a while, fills
in the sample submission if the data has one, or changes a number in a program of the starter: to 0 or 1, by one, to its
half or double, or to a draw between it and 0. After each change it validates. In the end it puts the version back that
validated best, and submits; where none did, it submits what there is, or the sample submission. The same seed makes the
same moves.
"""

import io
import shlex
import tokenize
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from random import Random
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from mlgym_clients.agents.agent import Agent, BadOptions, Ending, Seat
from mlgym_clients.agents.bench import bench_at
from mlgym_clients.workbench import Refused, Workbench

MOVES = {"look": 1, "run": 1, "fill": 1, "change": 4}
"""How often each is drawn, in proportion."""
PROGRAMS = "find . -maxdepth 2 -name '*.py' -size -64k -printf '%P\\n'"
SAMPLE = "cp /data/sample_submission.csv submission.csv"


class Options(BaseModel):
    """Of a few minutes at the most, unless asked for more."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    moves: int = Field(default=8, ge=1)
    run_time: float = Field(default=20.0, gt=0)
    """Seconds that a program may run."""


@dataclass
class Hand:
    """One attempt's."""

    bench: Workbench
    draws: Random
    options: Options
    programs: dict[str, str] = field(default_factory=dict)
    """The starter's, as they were."""
    best: tuple[float, str, str] | None = None
    """A reward, and the program that earned it."""

    async def look(self) -> None:
        """At a program, or at the data."""
        place = self.draws.choice([*self.programs, "/data/*"])
        await self.bench.bash(f"head -n 40 {place if place == '/data/*' else shlex.quote(place)}")

    async def run(self) -> None:
        """A program, as it is now."""
        if self.programs:
            program = shlex.quote(self.draws.choice(sorted(self.programs)))
            await self.bench.bash(f"timeout {self.options.run_time:g} python3 {program}")

    async def fill(self) -> None:
        """The sample submission, if there is one."""
        await self.bench.bash(f"{SAMPLE} && head -n 3 submission.csv")

    async def change(self) -> None:
        """A number of a program, and see what that earns."""
        if not self.programs:
            return
        path = self.draws.choice(sorted(self.programs))
        text = changed(self.programs[path], self.draws)
        await self.bench.create(f"/workspace/{path}", text)
        grade = await self.bench.validate()
        if (
            grade.outcome == "scored"
            and grade.reward is not None
            and (self.best is None or grade.reward > self.best[0])
        ):
            self.best = (grade.reward, path, text)

    async def hand_in(self) -> None:
        """The best that there was; else what there is, be it the sample submission."""
        if self.best is not None:
            _, path, text = self.best
            await self.bench.create(f"/workspace/{path}", text)
        try:
            await self.bench.submit()
        except Refused:
            await self.fill()
            with suppress(Refused):
                await self.bench.submit()


@dataclass(frozen=True)
class Chance:
    """Makes moves, and learns nothing from them."""

    options: Options

    async def attempt(self, seat: Seat) -> Ending:
        """Make some moves and submit."""
        bench, draws = bench_at(seat), Random(seat.seed)
        listed = await bench.bash(PROGRAMS)
        paths = sorted(line for line in listed.splitlines() if line.endswith(".py"))
        programs = {path: body(await bench.bash(f"cat {shlex.quote(path)}")) for path in paths}
        hand = Hand(bench, draws, self.options, programs)
        for move in draws.choices(list(MOVES), weights=list(MOVES.values()), k=self.options.moves):
            try:
                await getattr(hand, move)()
            except Refused:
                continue  # a move that was none: nothing was there to validate
        await hand.hand_in()
        return Ending()


def body(shown: str) -> str:
    """What a command printed, without the server's line below it."""
    return shown.rpartition("\n[")[0] + "\n"


def changed(program: str, draws: Random) -> str:
    """A program with one of its numbers changed; as it is where it has none, or is none."""
    try:
        numbers = [token for token in tokenize.generate_tokens(io.StringIO(program).readline) if _is_whole(token)]
    except (tokenize.TokenError, SyntaxError):
        numbers = []
    if not numbers:
        return program
    token = draws.choice(numbers)
    number, lines = int(token.string), program.splitlines(keepends=True)
    drawn = f'__import__("random").choice((0, {number or 1}))'
    others = {str(other) for other in (0, 1, number + 1, number - 1, number // 2, number * 2)} - {token.string}
    new = draws.choice([*sorted(others), drawn])
    row, start, end = token.start[0] - 1, token.start[1], token.end[1]
    lines[row] = lines[row][:start] + new + lines[row][end:]
    return "".join(lines)


def _is_whole(token: tokenize.TokenInfo) -> bool:
    return token.type == tokenize.NUMBER and token.string.isdecimal()


def make(options: Mapping[str, Any]) -> Agent:
    """The agent.

    Raises:
        BadOptions: one is unknown or wrong.
    """
    try:
        return Chance(Options(**options))
    except ValidationError as error:
        first = error.errors()[0]
        raise BadOptions(
            f"the option {first['loc'][0]!r} of the agent `random`: {first['msg']}; "
            f"there are: {', '.join(Options.model_fields)}."
        ) from None
