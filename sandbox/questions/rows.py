"""`map`: a function of the submission is called once per row of an array."""

from __future__ import annotations

import operator
from array import array
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

from submission import Answer, Submission
from wire import Array, Header


def answer(submission: Submission, question: Header, arrays: Sequence[Array]) -> Answer:
    """Call one function once per row of the first array: whole numbers [N, r, …] in, whole numbers [N] out.

    Every call gets a fresh list of its row's r entries, as tuples nested the way the shape says. Where the question
    has a `width`, every call returns that many whole numbers, and [N, width] come out.
    """
    name, width = question["function"], question.get("width")
    function = submission.function(question["file"], name)
    numbers = array("q")
    for row in _rows(arrays[0]):
        if width is None:
            numbers.append(_whole_number(function(row), name))
        else:
            numbers.extend(_whole_numbers(function(row), name, width))
    return {}, [Array.of(numbers, None if width is None else (arrays[0].shape[0], width))]


def _rows(values: Array) -> Iterator[list[Any]]:
    count, entries, *nested = values.shape
    items: list[Any] = values.values().tolist()
    for size in reversed(nested):
        items = list(zip(*[iter(items)] * size))
    return (items[row * entries : (row + 1) * entries] for row in range(count))


def _whole_numbers(value: Any, name: str, width: int) -> list[int]:
    """The entries of a list, a tuple, or whatever else goes over `width` whole numbers in order."""
    try:
        if isinstance(value, (dict, set, frozenset)):
            raise TypeError
        entries = list(islice(value, width + 1))
    except TypeError:
        raise TypeError(f"{name} returned {_shown(value)}; a list of {width} ints is expected") from None
    if len(entries) != width:
        count = len(entries) if len(entries) < width else f"more than {width}"
        raise ValueError(f"{name} returned {count} numbers; a list of {width} ints is expected")
    return [_whole_number(entry, name) for entry in entries]


def _whole_number(value: Any, name: str) -> int:
    try:
        number = operator.index(value)
    except TypeError:
        number = None
    if number is None or isinstance(value, bool):
        raise TypeError(f"{name} returned {_shown(value)}; an int is expected")
    if not -(2**63) <= number < 2**63:
        raise ValueError(f"{name} returned an int of {number.bit_length()} bits; 63 are allowed")
    return number


def _shown(value: Any) -> str:
    return f"{repr(value)[:100]} ({type(value).__name__})"
