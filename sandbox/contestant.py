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
import os
import random
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Callable

GUEST = str(Path(__file__).resolve().parent)
sys.path.insert(0, GUEST)  # -I leaves it out

from artefact import unpack  # noqa: E402
from judging import MAX_MESSAGE  # noqa: E402
from questions import heuristic, language_model, policy, rows  # noqa: E402
from submission import Answer, Submission  # noqa: E402
from wire import Array, Channel, Header, WireError, pack_message, unpack_message  # noqa: E402

OPERATIONS: dict[str, Callable[[Submission, Header, Sequence[Array]], Answer]] = {
    "heuristic": heuristic.answer,
    "language_model": language_model.answer,
    "map": rows.answer,
    "policy": policy.answer,
}
"""What a judge can ask for, by the question's `op`."""


def _load(root: Path, seed: int) -> Submission:
    submission = Submission(root / "workspace/submission", seed)
    unpack(root / "workspace/artefact.tar", submission.folder)
    os.chdir(submission.folder)
    # The submission may have files called wire.py or judging.py of its own.
    for name, module in list(sys.modules.items()):
        if name != "__main__" and Path(getattr(module, "__file__", None) or "/").is_relative_to(GUEST):
            del sys.modules[name]
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
