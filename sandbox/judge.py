"""The judge: grades one artefact with the task's grader.py, as often as the host asks.

    python3 -I /run/guest/judge.py [--root DIR]

Reads `grade` requests on stdin and writes one `verdict` for each on stdout, with `ask` frames for the contestants in
between. The artefact is at workspace/artefact.tar, the grader at grader/grader.py, the hidden data at hidden/.
"""

from __future__ import annotations

import argparse
import importlib.util
import math
import sys
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Callable

sys.path.insert(0, str(Path(__file__).resolve().parent))  # -I leaves it out

from artefact import unpack  # noqa: E402
from judging import MAX_MESSAGE, Case, Contestant, Fault, Measure  # noqa: E402
from wire import Array, Channel, Header, WireError, pack_message, unpack_message  # noqa: E402

Grade = Callable[[Case], dict[str, Measure]]

_SILENCES = {
    "late": "the submission's code did not answer within {limit:g} s",
    "ended": "the submission's code ended its process instead of answering",
    "oversized": "the submission's code answered more than is allowed",
    "malformed": "the submission's code wrote something that is not an answer",
}


class RelayedContestant:
    """A contestant as the judge sees it: questions and answers that the host carries."""

    def __init__(self, channel: Channel, index: int) -> None:
        self._channel = channel
        self._index = index

    def ask(self, header: Header, arrays: Sequence[Array] = (), *, limit: float = 60.0) -> tuple[Header, list[Array]]:
        """Ask and wait; see `judging.Contestant`."""
        request = {"type": "ask", "contestant": self._index, "limit": limit}
        self._channel.send(request, pack_message(header, arrays))
        received = self._channel.receive()
        if received is None:
            raise SystemExit("the host closed the channel while the judge waited for an answer")
        reply, body = received
        if reply.get("type") == "silence" and reply.get("reason") in _SILENCES:
            raise Fault(reply["reason"], _SILENCES[reply["reason"]].format(limit=limit))
        if reply.get("type") != "answer":
            raise WireError(f"the host sent {reply.get('type')!r} where an answer was due")
        return _answer(body)


def _answer(body: bytes) -> tuple[Header, list[Array]]:
    try:
        header, arrays = unpack_message(body)
    except WireError as error:
        raise Fault("malformed", f"the submission's code answered something that is not a message: {error}") from None
    if "fault" in header:
        raise Fault("raised", _told(header["fault"]))
    return header, arrays


def _told(fault: Any) -> str:
    """A contestant's own account of its failure; nothing in it is taken on trust."""
    if not isinstance(fault, dict):
        return "the submission's code failed"
    file, line = fault.get("file"), fault.get("line")
    place = f"{file[:80]}, " if isinstance(file, str) else ""
    place += f"line {line}: " if type(line) is int else ""
    return f"{place}{str(fault.get('type'))[:80]}: {fault.get('message')}"


class Judge:
    """Everything of one artefact: unpacked once, graded by phase."""

    def __init__(self, root: Path, channel: Channel) -> None:
        self._root = root
        self._channel = channel
        self._submission = root / "workspace/submission"
        self._unpack_fault: Fault | None = None
        try:
            unpack(root / "workspace/artefact.tar", self._submission)
        except Fault as fault:
            self._unpack_fault = fault

    def verdict(self, request: Header) -> Header:
        """Grade once. Whatever goes wrong becomes a verdict that says whose fault it is."""
        try:
            if self._unpack_fault:
                raise self._unpack_fault
            measures = _load_grade(self._root / "grader/grader.py")(self._case(request))
            return _scored(measures)
        except Fault as fault:
            return {"type": "verdict", "outcome": "submission_fault", "code": fault.code, "message": fault.message}
        except (MemoryError, RecursionError) as error:
            message = f"the judge ran into its limits on this submission ({type(error).__name__})"
            return {"type": "verdict", "outcome": "submission_fault", "code": "judge_limits", "message": message}
        except Exception as error:  # noqa: BLE001 - the edge: a bug of the grader must not look like a score
            traceback.print_exc()
            message = f"{type(error).__name__}: {error}"[:MAX_MESSAGE]
            return {"type": "verdict", "outcome": "grader_error", "message": message}

    def _case(self, request: Header) -> Case:
        return Case(
            submission=self._submission,
            hidden=self._root / "hidden",
            phase=request["phase"],
            flavour=request["flavour"],
            seed=request["seed"],
            contestant=_no_contestant if request["kind"] == "data" else self._contestant,
        )

    def _contestant(self, index: int) -> Contestant:
        return RelayedContestant(self._channel, index)


def _no_contestant(index: int) -> Contestant:
    raise LookupError(f"there is no contestant {index}: the task's submission is data")


def _load_grade(path: Path) -> Grade:
    spec = importlib.util.spec_from_file_location("grader", path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules["grader"] = module  # where dataclasses look for their own module
    spec.loader.exec_module(module)
    grade: Grade = module.grade
    return grade


def _scored(measures: Mapping[str, Measure]) -> Header:
    for name, measure in measures.items():
        if not math.isfinite(measure.value) or not math.isfinite(measure.standard_error or 0.0):
            raise Fault("not_finite", f"{name} is not a finite number on this submission")
    return {
        "type": "verdict",
        "outcome": "scored",
        "scores": {name: float(measure.value) for name, measure in measures.items()},
        "standard_error": {
            name: float(measure.standard_error)
            for name, measure in measures.items()
            if measure.standard_error is not None
        },
    }


def main() -> None:
    """Answer `grade` requests until the host closes stdin."""
    parser = argparse.ArgumentParser(description="Grades one artefact.")
    parser.add_argument("--root", type=Path, default=Path("/"), help="in place of /")
    channel = Channel.take_stdio()
    judge = Judge(parser.parse_args().root, channel)
    while True:
        received = channel.receive()
        if received is None:
            return
        request, _ = received
        if request.get("type") != "grade":
            raise SystemExit(f"the judge takes grade requests, not {request.get('type')!r}")
        channel.send(judge.verdict(request))


if __name__ == "__main__":
    main()
