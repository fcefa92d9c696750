"""`heuristic`: a branching heuristic is called once for each search that waits for a decision."""

from __future__ import annotations

import operator
from array import array
from collections.abc import Iterator, Sequence
from typing import Any, Callable

from submission import Answer, Submission
from wire import Array, Header

LITERALS = 3
"""Literals of a clause."""

Call = tuple[list[list[int]], dict[int, bool], dict[int, int], list[int], list[list[int]]]


def answer(submission: Submission, question: Header, arrays: Sequence[Array]) -> Answer:
    """Call one function once per search: a variable (int64 [N]) and the value to try first (uint8 [N]) come out.

    The function is the submission's, or that of the question's own `text`. The arrays are, for N searches one after
    another: int32 [N, 4], how many variables, unresolved clauses, assigned variables and levels there are; the
    clauses' literals; the assigned variables in order; their values; how many of them each level has; and each
    variable's conflicts.
    """
    name = question["function"]
    if "text" in question:
        function = _function_of(question["text"], name)
    else:
        function = submission.function(question["file"], name)
    variables, values = array("q"), bytearray()
    for call in _calls([item.values().tolist() for item in arrays]):
        variable, value = _decision(function(*call), name)
        variables.append(variable)
        values.append(value)
    return {}, [Array.of(variables), Array.of(bytes(values))]


def _function_of(text: str, name: str) -> Callable[..., Any]:
    names: dict[str, Any] = {}
    exec(compile(text, "<the judge's own>", "exec"), names)  # noqa: S102 - the judge wrote it
    function: Callable[..., Any] = names[name]
    return function


def _calls(arrays: Sequence[list[int]]) -> Iterator[Call]:
    """The arguments of each call, made anew: whatever it does to them reaches no other call."""
    sizes, literals, order, values, levels, conflicts = arrays
    literal = assigned = level = variable = 0
    for entry in range(0, len(sizes), 4):
        variable_count, clause_count, assigned_count, level_count = sizes[entry : entry + 4]
        end = literal + LITERALS * clause_count
        clauses = [literals[start : start + LITERALS] for start in range(literal, end, LITERALS)]
        literal = end
        history = order[assigned : assigned + assigned_count]
        assignments = dict(zip(history, map(bool, values[assigned : assigned + assigned_count])))
        assigned += assigned_count
        by_level, start = [], 0
        for size in levels[level : level + level_count]:
            by_level.append(history[start : start + size])
            start += size
        level += level_count
        counts = dict(enumerate(conflicts[variable : variable + variable_count], start=1))
        variable += variable_count
        yield clauses, assignments, counts, history, by_level


def _decision(returned: Any, name: str) -> tuple[int, bool]:
    try:
        variable, value = returned
        number, first = operator.index(variable), operator.index(value)
    except (TypeError, ValueError):
        number, first, variable = 0, -1, None
    if first not in (0, 1) or isinstance(variable, bool) or not -(2**63) <= number < 2**63:
        shown = f"{repr(returned)[:100]} ({type(returned).__name__})"
        raise TypeError(f"{name} returned {shown}; a pair of a variable, an int, and a bool is expected")
    return number, bool(first)
