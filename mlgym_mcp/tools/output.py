"""What a model sees of an output: its head and its tail within a limit, and where the rest is."""

import re

from mlgym_mcp.inert import inert

LIMIT = 16_000
"""Characters of output in one reply, the note about what was left out included."""
NOTE = 400
"""Characters kept free for that note."""
ESCAPED = 6
"""Characters that a byte takes when it is no UTF-8 (\\xff) or a control character (\\u001b), at most."""
COLOUR = re.compile(rb"\x1b\[[0-9;:]*m")


def decoded(data: bytes) -> str:
    r"""Bytes as text; those that are no UTF-8 as \xNN, control characters as \u00NN."""
    return inert(data.decode("utf-8", "backslashreplace"))


def colourless(data: bytes) -> bytes:
    """An output without colours, which some programs print without a terminal, too."""
    return COLOUR.sub(b"", data)


def shown(head: bytes, tail: bytes = b"", *, size: int | None = None, rest: str = "") -> str:
    """An output as text of at most `LIMIT` characters.

    Args:
        head: Its beginning.
        tail: Its end, when `head` is not all of it.
        size: All of its bytes, when some are in neither.
        rest: Where all of it can be read, for the note.
    """
    size = len(head) + len(tail) if size is None else size
    whole = decoded(head + tail)
    if size <= len(head) + len(tail) and len(whole) <= LIMIT:
        return whole
    if not tail:
        head, tail = head[: len(head) // 2], head[len(head) // 2 :]
    room = (LIMIT - NOTE) // 2
    kept_head, kept_tail = _fit(head, room), _fit(tail, room, end=True)
    omitted = size - len(kept_head) - len(kept_tail)
    note = f"[… {omitted:,} bytes left out{'; all of it: ' if rest else ''}{rest} …]"
    return f"{decoded(kept_head)}\n{note}\n{decoded(kept_tail)}"


def _fit(data: bytes, room: int, *, end: bool = False) -> bytes:
    """As much of one end of `data` as becomes at most `room` characters, cut between characters."""
    if len(decoded(data)) <= room:
        return data
    text = data.decode("utf-8", "surrogateescape")
    part = text[-room:] if end else text[:room]
    kept = part.encode("utf-8", "surrogateescape")
    if len(decoded(kept)) <= room:
        return kept
    part = text[-(room // ESCAPED) :] if end else text[: room // ESCAPED]
    return part.encode("utf-8", "surrogateescape")
