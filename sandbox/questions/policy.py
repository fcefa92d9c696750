"""`policy`: a trained policy answers for all environments at once, and keeps what it remembers from step to step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from submission import Answer, Submission
from wire import Array, Header


def answer(submission: Submission, question: Header, arrays: Sequence[Array]) -> Answer:
    """Have the policy of one checkpoint act: observations [N, …] and first bool [N] in, actions of `dtype` out.

    It is loaded with the first question. Its inputs are float32 and bool arrays of its own to change.
    """
    import numpy as np

    if "policy" not in submission.kept:
        load = submission.function("policy.py", "load")
        submission.kept["policy"] = load(submission.folder / question["checkpoint"], submission.seed)
    observations, first = (np.frombuffer(item.data, item.dtype).reshape(item.shape) for item in arrays)
    actions = submission.kept["policy"].act(observations.astype(np.float32), first.copy())
    return {}, [Array.of(_of_dtype(np.asarray(actions), question["dtype"]))]


def _of_dtype(actions: Any, dtype: str) -> Any:
    """The actions as contiguous `dtype`; only a change of their width is made."""
    import numpy as np

    wanted = np.dtype(dtype)
    if actions.dtype.kind not in {"i": "iu", "f": "f"}[wanted.kind]:
        raise TypeError(f"act returned an array of {actions.dtype}; {dtype} is expected")
    if wanted.kind == "i" and actions.size and not -(2**31) <= int(actions.min()) <= int(actions.max()) < 2**31:
        raise ValueError(f"act returned a whole number that does not fit into {dtype}")
    with np.errstate(over="ignore"):  # what is too large becomes infinite, which the judge refuses
        return np.ascontiguousarray(actions, wanted)
