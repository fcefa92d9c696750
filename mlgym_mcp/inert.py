"""Text that others wrote, so that nothing in it acts: terminals obey control characters, and hide some others."""

import json


def _table(characters: set[str]) -> dict[int, str]:
    return {ord(one): json.dumps(one)[1:-1] for one in characters}


CONTROLS = _table({chr(code) for code in (*range(0x20), *range(0x7F, 0xA0))} - set("\t\n\r"))


def inert(text: str) -> str:
    r"""A text whose control characters stand as JSON writes them (`\u001b`), but tabs and ends of lines."""
    return text.translate(CONTROLS)


def plain(text: str) -> str:
    """A text for an operator's terminal: what can't be seen or turns a line around stands as JSON writes it, too.

    A JSON document means the same afterwards.
    """
    return text.translate(_table({one for one in set(text) if not one.isprintable()} - set("\t\n")))
