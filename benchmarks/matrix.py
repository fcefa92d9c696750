"""A run of 3 agents at 6 tasks of different families, 4 attempts each, killed twice midway and taken up again.

python benchmarks/matrix.py [--attempts 4] [--concurrency 4] [--folder FOLDER]

Sample data, bubblewrap. Environments are prepared first, and not part of the time. The run is killed (SIGKILL) when a
third and when two thirds of its attempts are finished. Told are attempts, repeats and time; no attempt that was
finished may run twice, and no process, sandbox or open session may be left.
"""

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import yaml
from mlgym_clients.records.attempt import Attempt
from mlgym_clients.records.folder import RunFolder

COMMAND = [sys.executable, "-m", "mlgym_mcp"]
PROFILES = ("plain", "base", "torch", "jax")
TARGET = 20 * 60.0
"""Seconds."""
PREFER_FIRST = """def heuristic_fn(clauses, assignments, conflict_count, assignment_history, level):
    clause = min(clauses, key=len)
    return next((abs(x), x > 0) for x in clause if abs(x) not in assignments)
"""
CALLS = {
    "battle-of-the-sexes-v1": [
        {
            "edit": {
                "command": "create",
                "path": "strategy.py",
                "file_text": "def row_strategy(history):\n    return 0\n",
            }
        },
        "validate",
        "submit",
    ],
    "3-sat-v1": [{"edit": {"command": "create", "path": "heuristic.py", "file_text": PREFER_FIRST}}, "submit"],
    "regression-house-price-v1": [{"bash": {"command": "python3 baseline.py"}}, "validate", "submit"],
    "image-classification-cifar10-v1": [{"bash": {"command": "python3 baseline.py --epochs 1"}}, "submit"],
    "natural-language-inference-mnli-v1": [
        {"bash": {"command": "python3 train.py --pairs 500 --rate 1.5e-3 --threads 1"}},
        "submit",
    ],
    "rl-breakout-minatar-v1": [{"bash": {"command": "python3 train.py steps=16384"}}, "submit"],
}
"""What the agent `scripted` does at each task."""


def plan(folder: Path, attempts: int, concurrency: int) -> Path:
    """The plan, written down."""
    document = {
        "tasks": list(CALLS),
        "agents": ["baseline", {"kind": "random", "moves": 2}, {"kind": "scripted", "calls": CALLS}],
        "attempts": attempts,
        "concurrency": concurrency,
        "flavour": "sample",
        "sandbox": "bubblewrap",
        "data_dir": str(folder / "data"),
    }
    path = folder / "plan.yaml"
    path.write_text(yaml.safe_dump(document, sort_keys=False))
    return path


def finished(run: RunFolder) -> dict[str, Attempt]:
    """The attempts that are over."""
    return {str(attempt.key): attempt for attempt in run.attempts() if attempt.state != "running"}


def killed_at(number: int, command: list[str], run: RunFolder) -> dict[str, Attempt]:
    """Go on with the run until so many attempts are over, and kill it; what was over then."""
    process = subprocess.Popen(command)
    while process.poll() is None and len(finished(run)) < number:
        time.sleep(0.5)
    process.send_signal(signal.SIGKILL)
    process.wait()
    return finished(run)


def left_behind(folder: Path) -> Iterator[str]:
    """Sandboxes, processes and open sessions of a data folder."""
    yield from (f"sandbox {path.name}" for path in (folder / "data/sandboxes").glob("*"))
    for place in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            said = place.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if str(folder / "data") in said and int(place.parent.name) != os.getpid():
            yield f"process {place.parent.name}: {said[:100]}"
    listed = subprocess.check_output([*COMMAND, "sessions", "list", "--data-dir", str(folder / "data")], text=True)
    yield from (f"session {line}" for line in listed.splitlines() if {"open", "waiting"} & set(line.split()))


def measured(folder: Path, attempts: int, concurrency: int) -> bool:
    """Make the run, and tell how it went; whether all of it was as it should be."""
    run, number = RunFolder(folder / "run"), attempts * len(CALLS) * 3
    command = [*COMMAND, "run", str(plan(folder, attempts, concurrency)), "--to", str(run.path)]
    subprocess.check_call([*COMMAND, "env", "prepare", *PROFILES])
    began, before = time.monotonic(), os.times()
    kept: dict[str, Attempt] = {}
    for share in (1, 2):
        kept |= killed_at(number * share // 3, command, run)
        print(f"killed after {time.monotonic() - began:.0f} s, with {len(kept)} attempts finished", flush=True)
    status = subprocess.call(command)
    seconds, after = time.monotonic() - began, os.times()
    ended = finished(run)
    repeated = [key for key, attempt in kept.items() if ended[key] != attempt]
    begun_anew = len([path for path in run.path.glob("attempts/*/*/*/tries/*") if path.is_dir()])
    scored = sum(attempt.submission is not None for attempt in ended.values())
    left = list(left_behind(folder))
    print(f"attempts: {len(ended)} of {number}, {scored} with a score; failed: {_failed(ended)}; status {status}")
    print(f"kills: 2; finished attempts that ran twice: {repeated or 'none'}; attempts begun anew: {begun_anew}")
    print(f"left behind: {left or 'nothing'}")
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    print(f"time: {seconds:.0f} s of {TARGET:.0f}; of which processor time of the harness {cpu:.0f} s; load {_load()}")
    return len(ended) == number and status == 0 and not repeated and not left and seconds < TARGET


def _failed(ended: dict[str, Attempt]) -> int:
    return sum(attempt.state == "failed" for attempt in ended.values())


def _load() -> str:
    return " ".join(f"{load:.1f}" for load in os.getloadavg())


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--attempts", type=int, default=4)
    parser.add_argument("--concurrency", type=int, default=4)
    parser.add_argument("--folder", type=Path, help="default: a temporary one")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = (given.folder or Path(temporary)).absolute()
        folder.mkdir(parents=True, exist_ok=True)
        raise SystemExit(0 if measured(folder, given.attempts, given.concurrency) else 1)


if __name__ == "__main__":
    main()
