"""Tries what the gate tries on a few examples for as long as is asked: `python -m tests.fuzz TARGET --minutes N`.

`--guided` goes by coverage, where atheris is installed (it is for few machines, and so no dependency): each property
that needs no server is tried on bytes that reach code which none before has reached.
"""

import argparse
import importlib
import inspect
import os
import re
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(ROOT / folder) for folder in ("clients", "sandbox", "sandbox/guest")]  # as pytest has it
TARGETS = sorted(file.stem.removeprefix("test_") for file in HERE.glob("test_*.py"))
FOUND = 1
CODE = ("mlgym_mcp", "mlgym_clients", "wire", "tarfile")
"""What coverage is counted of."""


def main() -> int:
    """Fuzz; 1 if anything was found."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("target", nargs="*", choices=[*TARGETS, []], help="default: all")
    parser.add_argument("--minutes", type=float, default=10, help="in all")
    parser.add_argument("--guided", action="store_true", help="by coverage, with atheris")
    parser.add_argument("--property", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.property:
        _guide(asked.property, round(asked.minutes * 60))
    targets = asked.target or TARGETS
    return _guided(targets, asked.minutes) if asked.guided else _by_chance(targets, asked.minutes)


def _by_chance(targets: list[str], minutes: float) -> int:
    """Round after round over the targets, each with examples of its own."""
    files, end, tried = [str(HERE / f"test_{target}.py") for target in targets], time.monotonic() + 60 * minutes, 0
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--hypothesis-show-statistics"]
    while time.monotonic() < end:
        seed = int.from_bytes(os.urandom(4), "big")
        environment = {**os.environ, "FUZZ_PROFILE": "long"}
        done = subprocess.run(
            [*command, f"--hypothesis-seed={seed}", *files], env=environment, capture_output=True, text=True
        )
        tried += sum(map(int, re.findall(r"(\d+) passing", done.stdout)))
        print(f"seed {seed}: {tried} examples so far, {done.stdout.rstrip().rpartition(chr(10))[2]}", flush=True)
        if done.returncode:
            print(done.stdout.partition("Hypothesis Statistics")[0], done.stderr)
            return FOUND
    return 0


def _guided(targets: list[str], minutes: float) -> int:
    """Each property in a process of its own, for its share of the time."""
    properties = [name for target in targets for name in _properties(target)]
    for name in properties:
        share = str(minutes / len(properties))
        command = [sys.executable, "-m", "tests.fuzz", "--property", name, "--minutes", share]
        done = subprocess.run(command, capture_output=True, text=True)
        told = re.findall(r"Done \d+ runs.*|cov: \d+", done.stderr)
        print(f"{name}: {', '.join(told[-2:])}", flush=True)
        if done.returncode:
            print(done.stdout, done.stderr[-8000:])
            return FOUND
    return 0


def _properties(target: str) -> list[str]:
    """The properties of a target that need nothing but their examples."""
    module = importlib.import_module(f"tests.fuzz.test_{target}")
    tests = [(name, test) for name, test in vars(module).items() if hasattr(test, "hypothesis")]
    return [f"{target}:{name}" for name, test in tests if not inspect.signature(test).parameters]


def _guide(name: str, seconds: int) -> None:
    import atheris

    target, _, test = name.partition(":")
    with atheris.instrument_imports(include=list(CODE)):
        module = importlib.import_module(f"tests.fuzz.test_{target}")
    atheris.Setup([sys.argv[0], f"-max_total_time={seconds}"], getattr(module, test).hypothesis.fuzz_one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    sys.exit(main())
