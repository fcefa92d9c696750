"""The contestant: a submission that is code, answering the judge's questions in a sandbox of its own.

    python3 -I /run/guest/contestant.py [--root DIR]

Reads `load` and `ask` frames on stdin and writes one `answer` for each on stdout. The artefact is at
workspace/artefact.tar. The submission's code runs in this very process and may do what it likes to it: the judge
believes nothing that comes from here, and the host keeps the clock.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import operator
import os
import random
import sys
import traceback
from array import array
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Callable

GUEST = str(Path(__file__).resolve().parent)
sys.path.insert(0, GUEST)  # -I leaves it out

from artefact import unpack  # noqa: E402
from judging import MAX_MESSAGE  # noqa: E402
from wire import Array, Channel, Header, WireError, pack_message, unpack_message  # noqa: E402

Answer = tuple[Header, Sequence[Array]]


class Submission:
    """The submission's folder and the functions taken from it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._functions: dict[tuple[str, str], Callable[..., Any]] = {}

    def function(self, file: str, name: str) -> Callable[..., Any]:
        """The function `name` of the module in `file`, imported once."""
        if (file, name) not in self._functions:
            function = getattr(importlib.import_module(Path(file).stem), name, None)
            if not callable(function):
                raise AttributeError(f"{file} has no function {name}")
            self._functions[file, name] = function
        return self._functions[file, name]


def map_rows(submission: Submission, question: Header, arrays: Sequence[Array]) -> Answer:
    """Call one function once per row of the first array: whole numbers [N, r, …] in, whole numbers [N] out.

    Every call gets a fresh list of its row's r entries, as tuples nested the way the shape says.
    """
    function = submission.function(question["file"], question["function"])
    moves = array("q")
    for row in _rows(arrays[0]):
        moves.append(_whole_number(function(row), question["function"]))
    return {}, [Array.of(moves)]


OPERATIONS: dict[str, Callable[[Submission, Header, Sequence[Array]], Answer]] = {"map": map_rows}
"""What a judge can ask for, by the question's `op`."""


def _rows(values: Array) -> Iterator[list[Any]]:
    count, entries, *nested = values.shape
    items: list[Any] = values.values().tolist()
    for size in reversed(nested):
        items = list(zip(*[iter(items)] * size))
    return (items[row * entries : (row + 1) * entries] for row in range(count))


def _whole_number(value: Any, name: str) -> int:
    try:
        number = operator.index(value)
    except TypeError:
        number = None
    if number is None or isinstance(value, bool):
        raise TypeError(f"{name} returned {repr(value)[:100]} ({type(value).__name__}); an int is expected")
    if not -(2**63) <= number < 2**63:
        raise ValueError(f"{name} returned an int of {number.bit_length()} bits; 63 are allowed")
    return number


def _load(root: Path, seed: int) -> Submission:
    submission = Submission(root / "workspace/submission")
    unpack(root / "workspace/artefact.tar", submission.folder)
    os.chdir(submission.folder)
    # The submission may have files called wire.py or judging.py of its own.
    for module in ("artefact", "judging", "wire"):
        del sys.modules[module]
    sys.path[sys.path.index(GUEST)] = str(submission.folder)
    random.seed(seed)
    if importlib.util.find_spec("numpy"):
        importlib.import_module("numpy").random.seed(seed % 2**32)
    return submission


def _account(error: BaseException, folder: Path) -> Header:
    """What went wrong, for the judge: type, message, and the submission's line it happened in."""
    try:
        message = str(error)[:MAX_MESSAGE]
    except Exception:  # noqa: BLE001 - the edge: the submission's own exception class may raise here
        message = ""
    told: Header = {"type": type(error).__name__[:80], "message": message}
    if isinstance(error, SyntaxError) and error.filename:
        frames = [(error.filename, error.lineno)]
    else:
        frames = [(frame.f_code.co_filename, line) for frame, line in traceback.walk_tb(error.__traceback__)]
    for name, line in frames:
        if folder in Path(name).parents:
            told.update(file=str(Path(name).relative_to(folder)), line=line)
    return {"fault": told}


def answer(submission: Submission, body: bytes) -> bytes:
    """Do what one question asks. Whatever the submission raises becomes the answer."""
    try:
        question, arrays = unpack_message(body)
        return pack_message(*OPERATIONS[question["op"]](submission, question, arrays))
    except BaseException as error:  # noqa: BLE001 - the edge: sys.exit of the submission included
        return pack_message(_account(error, submission.folder))


def _pin_hashing() -> None:
    """Start over without -I where the host gave PYTHONHASHSEED, which -I ignores."""
    if sys.flags.ignore_environment and "PYTHONHASHSEED" in os.environ:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
        kept["PYTHONHASHSEED"] = os.environ["PYTHONHASHSEED"]
        os.execve(sys.executable, [sys.executable, "-s", *sys.argv], kept)


def main() -> None:
    """Load on the first frame, answer every later one, until the host closes stdin."""
    _pin_hashing()
    parser = argparse.ArgumentParser(description="Runs one submission that is code.")
    parser.add_argument("--root", type=Path, default=Path("/"), help="in place of /")
    root = parser.parse_args().root.resolve()
    channel = Channel.take_stdio()
    submission = None
    while (received := channel.receive()) is not None:
        request, body = received
        if request.get("type") == "load":
            submission = _load(root, request["seed"])
            channel.send({"type": "answer"})
        elif request.get("type") == "ask" and submission is not None:
            channel.send({"type": "answer"}, answer(submission, body))
        else:
            raise WireError(f"{request.get('type')!r} is not expected here")
    # Threads that the submission left behind would keep a normal exit waiting.
    os._exit(0)


if __name__ == "__main__":
    main()
