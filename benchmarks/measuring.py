"""What all benchmarks share: interleaved rounds, medians, claims with their targets, and the table that tells them."""

import argparse
import os
import platform
import statistics
import subprocess
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import TypeAlias

import anyio

Round: TypeAlias = Callable[[], Awaitable[float]]
"""Measures something once: a figure that the median is taken of."""
Call: TypeAlias = Callable[[], Awaitable[object]]

WARM_UP = 5
MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is measured. What is short only tries the benchmarks out."""

    backends: tuple[str, ...] = ("bubblewrap", "docker")
    rounds: int = 5
    calls: int = 100
    """Calls in a round of single ones."""
    seconds: float = 4.0
    """Length of a round of many at once."""
    sessions: int = 100
    """Idle ones, whose memory is measured."""
    minutes: float = 10.0
    """Length of the soak."""
    peers: Path | None = None
    """Where the environments of the peers are, or are made; None leaves the peers out."""


QUICK = Plan(rounds=2, calls=20, seconds=1.0, sessions=10, minutes=0.2)


@dataclass(frozen=True, slots=True)
class Claim:
    """One figure, and what it must reach, if anything."""

    what: str
    figure: float | None
    """None: it could not be measured."""
    detail: str = ""
    """The figures that it was made of, with their units, or why there are none."""
    at_most: float | None = None
    at_least: float | None = None
    unit: str = "×"

    @property
    def met(self) -> bool | None:
        """Whether the target is reached; None where there is no figure or no target."""
        if self.figure is None or self.at_most is self.at_least is None:
            return None
        return (self.at_most is None or self.figure <= self.at_most) and (
            self.at_least is None or self.figure >= self.at_least
        )

    def row(self) -> str:
        """One row of the table."""
        figure = "–" if self.figure is None else f"**{self.figure:.3g}** {self.unit}"
        bounds = [
            f"{sign} {bound:g}" for sign, bound in (("≤", self.at_most), ("≥", self.at_least)) if bound is not None
        ]
        verdict = {True: "met", False: "missed", None: ""}[self.met]
        return f"| {self.what} | {figure} | {', '.join(bounds)} | {verdict} | {self.detail} |"


Measure: TypeAlias = Callable[[Plan], Awaitable[list[Claim]]]


async def interleaved(subjects: Mapping[str, Round], rounds: int) -> dict[str, float]:
    """Measure all in turn, `rounds` times, so that a noisy machine is noisy for all alike: name → median."""
    found: dict[str, list[float]] = {name: [] for name in subjects}
    for _ in range(rounds):
        for name, subject in subjects.items():
            found[name].append(await subject())
    return {name: statistics.median(figures) for name, figures in found.items()}


async def median_time(call: Call, calls: int) -> float:
    """The median time of a call, in milliseconds."""
    for _ in range(WARM_UP):
        await call()
    return statistics.median([await timed(call) for _ in range(calls)])


async def timed(call: Call) -> float:
    """The time of one call, in milliseconds."""
    began = time.perf_counter()
    await call()
    return 1000 * (time.perf_counter() - began)


async def until(holds: Callable[[], bool], what: str, *, limit: float = 60.0, look: float = 0.005) -> None:
    """Wait until something holds that another process brings about.

    Raises:
        TimeoutError: it did not within `limit` seconds.
    """
    with anyio.move_on_after(limit):
        while not holds():
            await anyio.sleep(look)
        return
    raise TimeoutError(f"in {limit:g} s it did not come to pass that {what}")


def main(measure: Measure, about: str | None) -> None:
    """Run one benchmark as a program."""
    plan, check = arguments(about)
    claims = anyio.run(measure, plan)
    print(f"{machine()}\n\n{table(claims)}")
    if check and any(claim.met is False for claim in claims):
        raise SystemExit(1)


def arguments(about: str | None) -> tuple[Plan, bool]:
    """What the command line asks for, and whether a missed target is an error."""
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("backends", nargs="*", help="bubblewrap, docker; both when none is named")
    parser.add_argument("--quick", action="store_true", help="only try it: few rounds, short ones")
    parser.add_argument("--check", action="store_true", help="exit with 1 when a target is missed")
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--calls", type=int, help="calls in a round")
    parser.add_argument("--seconds", type=float, help="length of a round of many calls at once")
    parser.add_argument("--sessions", type=int, help="idle sessions")
    parser.add_argument("--minutes", type=float, help="length of the soak")
    parser.add_argument(
        "--peers", type=Path, metavar="FOLDER", help="measure the peers, in environments of this folder"
    )
    given = vars(parser.parse_args())
    check, plan = given.pop("check"), QUICK if given.pop("quick") else Plan()
    given["backends"] = tuple(given["backends"])
    return replace(plan, **{name: value for name, value in given.items() if value}), check


def table(claims: list[Claim]) -> str:
    """Claims as a table in Markdown."""
    return "\n".join(["| what | figure | target | | of |", "|---|---|---|---|---|", *(claim.row() for claim in claims)])


def machine() -> str:
    """What was measured, on what machine, and when."""
    facts = {
        "commit": _said("git", "rev-parse", "--short", "HEAD"),
        "mlgym-mcp": version("mlgym-mcp"),
        "mcp": version("mcp"),
        "Python": platform.python_version(),
        "dockerd": _said("docker", "version", "--format", "{{.Server.Version}}"),
        "bubblewrap": _said("bwrap", "--version").removeprefix("bubblewrap "),
        "Linux": platform.release(),
    }
    told = ", ".join(f"{name} {value or 'none'}" for name, value in facts.items())
    return (
        f"{time.strftime('%Y-%m-%d')} on {_cores()}, {_memory() / 1024:.0f} GiB, load {os.getloadavg()[0]:.1f}: {told}."
    )


def _cores() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    models = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return f"{len(models)} × {models[0]}" if models else platform.machine()


def _memory() -> float:
    line = Path("/proc/meminfo").read_text().splitlines()[0]
    return int(line.split()[1]) / 1024


def _said(*command: str) -> str:
    try:
        return subprocess.run(
            command, capture_output=True, text=True, check=True, cwd=Path(__file__).parent
        ).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""
