"""Arguments that a tool can't take, told as what to mend: the SDK's own words tell a model how they were looked at."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from mlgym_mcp.errors import CallerError
from mlgym_mcp.excerpt import excerpt

MOST_PROBLEMS = 8
"""Of one call that are told at once."""
RAW_BYTES = ("bash", "edit")
"""Tools whose texts may hold bytes that are no UTF-8, each as the half of a surrogate pair that Python makes of it."""


def require_characters(tool: str, arguments: Mapping[str, Any]) -> None:
    """Check that every text among the arguments can be kept and sent: JSON may hold halves of characters.

    Raises:
        CallerError: one can't be; says where.
    """
    errors = "surrogateescape" if tool in RAW_BYTES else "strict"
    for name, value in arguments.items():
        for text in _texts(value):
            try:
                text.encode("utf-8", errors)
            except UnicodeEncodeError as error:
                half = ascii(text[error.start])
                raise CallerError(f"`{name[:40]}` holds {half}, half of a character; write the whole one.") from None


def explained(tool: str, error: ValidationError, offered: Mapping[str, Mapping[str, Any]], given: Iterable[str]) -> str:
    """Why a tool can't be called with some arguments.

    Args:
        tool: Its name.
        error: What is wrong with them.
        offered: The schemas of the tool's arguments, by name.
        given: The names that the call gave.
    """
    problems = [_problem(found, offered) for found in error.errors(include_url=False, include_context=False)]
    told = problems[:MOST_PROBLEMS]
    if unknown := [name for name in given if name not in offered]:
        told.append(f"there is no argument {excerpt(unknown[0])}; there are: {', '.join(offered) or 'none'}.")
    return "\n- ".join([f"`{tool}` can't be called with these arguments, and nothing was done:", *told])


def _problem(found: ErrorDetails, offered: Mapping[str, Mapping[str, Any]]) -> str:
    name = ".".join(map(str, found["loc"]))
    if found["type"] == "missing":
        return f"`{name}` is needed: {offered.get(name, {}).get('description', 'it was left out.')}"
    # `Input should be a valid number, unable to parse string as a number`: what it should be is the first half.
    wanted = re.sub(r"^\w+ should ", "", found["msg"].partition(", unable")[0])
    return f"`{name}` should {wanted}; it is {excerpt(found['input'])}."


def _texts(value: object) -> Iterator[str]:
    match value:
        case str():
            yield value
        case dict():
            for key, item in value.items():
                yield from (*_texts(key), *_texts(item))
        case list():
            for item in value:
                yield from _texts(item)
