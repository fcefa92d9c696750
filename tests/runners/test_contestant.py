"""Whatever a strategy does, the judge gets whole moves, a precise fault, or silence."""

from pathlib import Path
from typing import Any

import pytest

from tests.runners.stage import open_runner, open_stage, pack

GRADER = """
from judging import Measure, choices
from wire import Array

def grade(case):
    question = {"op": "map", "file": "strategy.py", "function": "row_strategy"}
    history = Array.of(bytes([0, 1, 1, 1, 0, 0, 1, 0]), (2, 2, 2))
    _, answer = case.contestant(0).ask(question, [history], limit=LIMIT)
    moves = choices(answer, count=2, allowed=range(-(2**63), 2**63), what="move")
    return {"first": Measure(moves[0]), "second": Measure(moves[1])}
"""


def played(root: Path, strategy: str, *, limit: float = 60.0, **files: str) -> dict[str, Any]:
    """The verdict on a strategy.py with that text, asked for two games with two rounds behind each."""
    artefact = pack({"strategy.py": strategy, **{f"{name}.py": text for name, text in files.items()}})
    with open_stage(root, grader=GRADER.replace("LIMIT", str(limit)), artefact=artefact) as stage:
        return stage.grade(kind="code")


def moving(expression: str) -> str:
    return f"import os, sys, threading\ndef row_strategy(history):\n    return {expression}\n"


def test_each_game_is_asked_with_its_own_history_of_tuples(tmp_path: Path) -> None:
    strategy = moving("[[(0, 1), (1, 1)], [(0, 0), (1, 0)]].index(history)")
    assert played(tmp_path, strategy)["scores"] == {"first": 0.0, "second": 1.0}


@pytest.mark.parametrize(
    "strategy",
    [
        moving("print('noise', flush=True) or os.write(1, b'noise') and 0"),
        moving("(sys.stdout.close() or 0)"),
        moving("(history.clear() or 0)"),
        moving("(threading.Thread(target=threading.Event().wait).start() or 0)"),
        moving("(sys.stdin.read() and 1) or 0"),
        "import wire, judging\n" + moving("wire.ZERO + judging.ZERO"),
        moving("int(os.getcwd() != os.path.dirname(__file__))"),
    ],
)
def test_a_strategy_with_odd_habits_still_plays(tmp_path: Path, strategy: str) -> None:
    assert played(tmp_path, strategy, wire="ZERO = 0", judging="ZERO = 0")["scores"] == {"first": 0.0, "second": 0.0}


@pytest.mark.parametrize(
    ("strategy", "message"),
    [
        (moving("True"), "TypeError: row_strategy returned True (bool); an int is expected"),
        (moving("1.0"), "TypeError: row_strategy returned 1.0 (float); an int is expected"),
        (moving("None"), "TypeError: row_strategy returned None (NoneType); an int is expected"),
        (moving("'0'"), "TypeError: row_strategy returned '0' (str); an int is expected"),
        (moving("10 ** 5000"), "ValueError: row_strategy returned an int of 16610 bits; 63 are allowed"),
        (moving("1 / 0"), "strategy.py, line 3: ZeroDivisionError: division by zero"),
        (moving("row_strategy(history)"), "strategy.py, line 3: RecursionError"),
        (moving("sys.exit(0)"), "strategy.py, line 3: SystemExit: 0"),
        (moving("history[0].append(1)"), "strategy.py, line 3: AttributeError"),
        ("import nowhere", "strategy.py, line 1: ModuleNotFoundError: No module named 'nowhere'"),
        ("def row_strategy(history:\n    return 0", "strategy.py, line 1: SyntaxError"),
        ("raise KeyboardInterrupt", "strategy.py, line 1: KeyboardInterrupt"),
        ("from deep import fail\nfail()", "deep.py, line 2: ValueError: deep"),
        ("", "AttributeError: strategy.py has no function row_strategy"),
        ("row_strategy = 3", "AttributeError: strategy.py has no function row_strategy"),
        ("class E(Exception):\n    __str__ = None\nraise E", "strategy.py, line 3: E: "),
        (moving("exec('raise ValueError(chr(0xD800) * 9999)')"), "strategy.py, line 3: ValueError: "),
    ],
)
def test_a_strategy_that_fails_is_told_what_and_where(tmp_path: Path, strategy: str, message: str) -> None:
    verdict = played(tmp_path, strategy, deep="def fail():\n    raise ValueError('deep')")
    assert (verdict["outcome"], verdict["code"]) == ("submission_fault", "raised")
    assert verdict["message"].startswith(message)
    assert len(verdict["message"]) <= 500


def test_an_archive_without_the_file_is_told_so(tmp_path: Path) -> None:
    with open_stage(tmp_path, grader=GRADER.replace("LIMIT", "60.0"), artefact=pack({"other.py": ""})) as stage:
        assert stage.grade(kind="code")["message"] == "ModuleNotFoundError: No module named 'strategy'"


@pytest.mark.parametrize(
    ("strategy", "reason"),
    [
        (moving("os._exit(0)"), "ended"),
        (moving("os.kill(os.getpid(), 9)"), "ended"),
        (moving("os.closerange(0, 100)"), "ended"),
        (moving("[os.write(fd, b'x' * 64) for fd in range(3, 9) if fd_writes(fd)] and os._exit(0)"), "malformed"),
    ],
)
def test_a_strategy_that_ruins_its_process_is_silent(tmp_path: Path, strategy: str, reason: str) -> None:
    fd_writes = "import fcntl\ndef fd_writes(fd):\n    try:\n        return fcntl.fcntl(fd, fcntl.F_GETFL) & 1\n"
    fd_writes += "    except OSError:\n        return False\n"
    verdict = played(tmp_path, fd_writes + strategy)
    assert (verdict["outcome"], verdict["code"]) == ("submission_fault", reason)


@pytest.mark.parametrize("strategy", ["while True: pass", moving("threading.Event().wait()")])
def test_a_strategy_that_never_answers_is_late(tmp_path: Path, strategy: str) -> None:
    verdict = played(tmp_path, strategy, limit=0.5)
    assert verdict["code"] == "late"
    assert verdict["message"] == "the submission's code did not answer within 0.5 s"


def test_a_strategy_that_forges_a_fault_can_not_break_the_verdict(tmp_path: Path) -> None:
    strategy = (
        "import sys\nrun = sys.modules['__main__']\n"
        "run._account = lambda *_: {'fault': {'type': [1], 'line': 'x', 'file': 3, 'message': {'a': 'b' * 9999}}}\n"
        "raise ValueError\n"
    )
    verdict = played(tmp_path, strategy)
    assert (verdict["outcome"], verdict["code"]) == ("submission_fault", "raised")
    assert len(verdict["message"]) <= 500


def test_chance_and_hashes_repeat_with_the_seed(tmp_path: Path) -> None:
    strategy = "import random\n" + moving("random.getrandbits(40) ^ hash('text')")
    artefact = pack({"strategy.py": strategy})
    with open_stage(tmp_path, grader=GRADER.replace("LIMIT", "60.0"), artefact=artefact) as stage:
        first, again, other = (stage.grade(kind="code", seed=seed)["scores"] for seed in (7, 7, 8))
    assert first == again != other


def test_a_thread_left_behind_does_not_keep_the_contestant(tmp_path: Path) -> None:
    (tmp_path / "workspace").mkdir()
    (tmp_path / "workspace/artefact.tar").write_bytes(pack({}))
    with open_runner("contestant", tmp_path) as contestant:
        assert contestant.exchange({"type": "load", "seed": 2**200})[0] == {"type": "answer"}
        assert contestant.process.stdin is not None
        contestant.process.stdin.close()
        assert contestant.process.wait(30) == 0
