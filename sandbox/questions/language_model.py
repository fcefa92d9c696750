"""`language_model`: a model says how likely given tokens are, or which token it expects next."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from submission import Answer, Submission
from wire import Array, Header


def answer(submission: Submission, question: Header, arrays: Sequence[Array]) -> Answer:
    """Ask the model, loaded with the first question, what the question's `ask` names.

    `log_probs`: tokens and targets [B, T] in, float32 [B, T] out. `next_logits`: the tokens of all prefixes, one after
    the other, and the prefixes' lengths [B] in, float32 [B, V] out. The model gets int64 arrays of its own to change.
    """
    import numpy as np

    if "language_model" not in submission.kept:
        submission.kept["language_model"] = submission.function("model.py", "load")(submission.folder)
    model = submission.kept["language_model"]
    first, second = (np.frombuffer(item.data, item.dtype).reshape(item.shape).astype(np.int64) for item in arrays)
    if question["ask"] == "log_probs":
        answered = model.log_probs(first, second)
    else:
        answered = model.next_logits(np.split(first, np.cumsum(second)[:-1]))
    return {}, [Array.of(_numbers(answered, question["ask"]))]


def _numbers(answered: Any, name: str) -> Any:
    """The answer as contiguous float32; numbers too large for it become infinite, which the judge refuses."""
    import numpy as np

    numbers = np.asarray(answered)
    if numbers.dtype.kind != "f":
        raise TypeError(f"{name} returned an array of {numbers.dtype}; float32 is expected")
    with np.errstate(over="ignore"):
        return np.ascontiguousarray(numbers, np.float32)
