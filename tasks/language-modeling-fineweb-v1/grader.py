"""The mean loss of a language model over whole windows, which it claims and which is then audited.

One contestant gets windows with their targets and claims a log-probability for each. A second one, which has seen
nothing of that, gets prefixes of some windows, cut where the judge draws, and returns logits of the next token, which
the judge normalises. The score is the mean claim, mended by the mean difference that the audit finds: right on average
whatever is claimed. A claim that its audit does not bear out is a fault.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from chance import Chance
from judging import Case, Contestant, Fault, Measure
from wire import Array

BATCH = 32
"""Windows in one question."""
AUDITS = 512
"""Prefixes that are audited, at most one of a window."""
AUDIT_BATCH = 64
"""Prefixes in one question; their logits must fit into one message."""
FIRST_LIMIT = 300.0
"""Seconds for the first answer, in which the model is loaded."""
LIMIT = 120.0
"""Seconds for any other answer."""
ABOVE_ZERO = 1e-3
"""By how much rounding may lift a log-probability above 0."""
ROUNDING, RELATIVE_ROUNDING = 0.1, 0.03
"""Nats, and share of the claim, by which half precision and another batch may move one log-probability."""
MEAN_ROUNDING = 0.02
"""Nats by which they may move the mean of all audited ones."""
MAX_TENSORS_HEADER = 16 * 1024**2


@dataclass(frozen=True)
class Windows:
    """What the phase counts: tokens and targets, uint16 [N, T], of a vocabulary of `vocabulary` tokens."""

    tokens: Any
    targets: Any
    vocabulary: int


def grade(case: Case) -> dict[str, Measure]:
    """Mean negative log-probability of the target tokens, in nats a token."""
    for name in ("model.py", "model.safetensors"):
        if not (case.submission / name).is_file():
            raise Fault("missing_file", f"the submission has no file {name}")
    check_safetensors(case.submission / "model.safetensors")
    windows = read_windows(case.hidden, case.phase)
    claims = claimed(case.contestant(0), windows)
    differences = audited_differences(case.contestant(1), windows, claims, Chance(case.seed))
    losses, corrections = -claims.mean(axis=1, dtype=np.float64), -differences
    value = losses.mean() + corrections.mean()
    return {"val_loss": Measure(float(value), math.hypot(standard_error(losses), standard_error(corrections)))}


def standard_error(values: Any) -> float:
    """Of the mean of independent values."""
    return float(values.std(ddof=1) / math.sqrt(len(values)))


def read_windows(hidden: Path, phase: str) -> Windows:
    """The windows that the phase counts: window w has tokens w·T … w·T + T - 1, and the next ones as targets."""
    plan = json.loads((hidden / "windows.json").read_text(encoding="ascii"))
    length, parts = plan["length"], np.array(list(plan["parts"]))
    stream = np.fromfile(hidden / "tokens.bin", "<u2")
    counted = np.full(len(parts), True) if phase == "upstream" else parts == phase[0]
    tokens, targets = (stream[shift : shift + len(parts) * length].reshape(-1, length) for shift in (0, 1))
    return Windows(tokens[counted], targets[counted], plan["vocabulary"])


def claimed(contestant: Contestant, windows: Windows) -> Any:
    """The log-probabilities claimed for all targets: float32 [N, T]."""
    claims = np.empty(windows.targets.shape, np.float32)
    for start in range(0, len(claims), BATCH):
        part = slice(start, start + BATCH)
        arrays = [Array.of(windows.tokens[part]), Array.of(windows.targets[part])]
        limit = LIMIT if start else FIRST_LIMIT
        _, answer = contestant.ask({"op": "language_model", "ask": "log_probs"}, arrays, limit=limit)
        claims[part] = _matrix(answer, windows.targets[part].shape, "log_probs")
    if claims.max() > ABOVE_ZERO:
        raise Fault("not_normalised", f"log_probs gave {claims.max():.4g}; a log-probability is at most 0")
    return claims


def audited_differences(contestant: Contestant, windows: Windows, claims: Any, chance: Chance) -> Any:
    """Audited minus claimed log-probability at drawn cuts: float64 [audits].

    Raises:
        Fault: the claims are not those of the model that the audit sees.
    """
    cuts = draw_cuts(chance, *windows.tokens.shape)
    differences = []
    for start in range(0, len(cuts), AUDIT_BATCH):
        batch = cuts[start : start + AUDIT_BATCH]
        logits = _next_logits(contestant, windows, batch, limit=LIMIT if start else FIRST_LIMIT)
        for (window, cut), row in zip(batch, logits.astype(np.float64)):
            audited = row[windows.targets[window, cut]] - row.max() - np.log(np.exp(row - row.max()).sum())
            _bear_out(float(claims[window, cut]), float(audited), window, cut)
            differences.append(audited - float(claims[window, cut]))
    if abs(np.mean(differences)) > MEAN_ROUNDING:
        raise _mismatch(f"they differ by {np.mean(differences):.4g} on average")
    return np.array(differences)


def draw_cuts(chance: Chance, windows: int, length: int) -> list[tuple[int, int]]:
    """Windows without repetition, in random order, and for each a cut: the last token that the model may see."""
    order = list(range(windows))
    for index in range(min(AUDITS, windows)):
        other = index + int(chance.random() * (windows - index))
        order[index], order[other] = order[other], order[index]
    return [(window, int(chance.random() * length)) for window in order[:AUDITS]]


def _next_logits(contestant: Contestant, windows: Windows, cuts: Sequence[tuple[int, int]], *, limit: float) -> Any:
    prefixes = np.concatenate([windows.tokens[window, : cut + 1] for window, cut in cuts])
    lengths = np.array([cut + 1 for _, cut in cuts], np.int64)
    arrays = [Array.of(prefixes), Array.of(lengths)]
    _, answer = contestant.ask({"op": "language_model", "ask": "next_logits"}, arrays, limit=limit)
    return _matrix(answer, (len(cuts), windows.vocabulary), "next_logits")


def _bear_out(claim: float, audited: float, window: int, cut: int) -> None:
    if abs(audited - claim) > ROUNDING + RELATIVE_ROUNDING * min(abs(claim), abs(audited)):
        place = f"target {cut + 1} of window {window + 1}"
        raise _mismatch(f"for {place} log_probs claimed {claim:.4g} and next_logits came to {audited:.4g}")


def _mismatch(how: str) -> Fault:
    return Fault(
        "claims_not_borne_out",
        f"{how}; log_probs must be the normalised prediction from the tokens up to each place and nothing else",
    )


def _matrix(answer: Sequence[Array], shape: tuple[int, ...], name: str) -> Any:
    if len(answer) != 1 or answer[0].dtype != "float32" or answer[0].shape != shape:
        found = ", ".join(f"{item.dtype} {list(item.shape)}" for item in answer)
        raise Fault("malformed", f"{name} answered {found[:200] or 'nothing'}; float32 {list(shape)} is expected")
    matrix = np.frombuffer(answer[0].data, np.float32).reshape(shape)
    if not np.isfinite(matrix).all():
        raise Fault("not_finite", f"{name} answered numbers that are not finite")
    return matrix


def check_safetensors(path: Path) -> None:
    """See that a file is made like safetensors: the length of a JSON header, the header, the tensors end to end.

    Raises:
        Fault: it is not; a pickle never is.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        header = file.read(length) if size > 8 and length <= min(size - 8, MAX_TENSORS_HEADER) else b""
    try:
        ends = list(_tensor_ends(json.loads(header)))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        ends = []
    if not ends or max(ends) != size - 8 - length:
        raise Fault("not_safetensors", f"{path.name} is not a whole safetensors file with at least one tensor")


def _tensor_ends(described: Any) -> Iterator[int]:
    for name, tensor in described.items():
        if name != "__metadata__":
            start, end = tensor["data_offsets"]
            if type(start) is not int or type(end) is not int or not 0 <= start <= end:
                raise ValueError(name)
            yield end
