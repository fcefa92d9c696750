"""What careless and hostile others send."""

import math
import re
from typing import Any

from hypothesis import strategies as st

ODD_TEXTS = (
    "",
    " ",
    "\0",
    "\ud800",
    "\u202e\u200b",
    "\x1b[2J\r\n",
    "..",
    "../../etc/passwd",
    "/",
    "~",
    "%00",
    "{session}",
    "NaN",
    "1e999",
    "null",
    "x" * 70_000,
    "9" * 5000,
    "[" * 20_000,
    "é" * 300,
)
ODD_NUMBERS: tuple[float, ...] = (
    *(0, 1, -1, 2**31, 2**63, 2**64, 10**400, -(10**400)),
    *(-0.0, 0.5, 1e-308, 1e308, math.inf, -math.inf, math.nan),
)
LETTERS = "aZ09 .,:;_-+*/\\'\"`{}[]()<>&%$#@!?=|~^\t\r\n\0\x1b\x7fé\u202e\u200b\ufeff\u2028漢😀"
"""Few, for hypothesis takes seconds to find all that there are."""
words = st.text(LETTERS, max_size=20)
texts = st.sampled_from(ODD_TEXTS) | st.text(LETTERS + "\ud800\udfff", max_size=30)
numbers: st.SearchStrategy[float] = st.sampled_from(ODD_NUMBERS) | st.integers() | st.floats()
scalars: st.SearchStrategy[Any] = st.none() | st.booleans() | numbers | texts


def json_of(scalar: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """JSON values of such scalars."""
    return st.recursive(
        scalar, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(words, inner, max_size=4), max_leaves=8
    )


json_values = json_of(scalars)
same_after_a_trip = json_of(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | words
)
"""JSON values that equal what they are read as."""


@st.composite
def pieces(draw: st.DrawFn, content: bytes) -> list[bytes]:
    """Bytes, cut anywhere."""
    cuts = sorted(draw(st.lists(st.integers(0, len(content)), max_size=6)))
    return [content[start:end] for start, end in zip([0, *cuts], [*cuts, len(content)], strict=True) if end > start]


@st.composite
def spoilt(draw: st.DrawFn, sound: bytes) -> bytes:
    """Bytes of which some are others, are cut off, or come twice."""
    changed = bytearray(sound)
    for place, byte in draw(st.lists(st.tuples(st.integers(0, len(sound) - 1), st.integers(0, 255)), max_size=6)):
        changed[place] = byte
    start, end = sorted(draw(st.tuples(st.integers(0, len(sound)), st.integers(0, len(sound)))))
    ways = ("as it is", "cut off", "without a part", "with a part twice")
    match draw(st.sampled_from(ways)):
        case "cut off":
            del changed[end:]
        case "without a part":
            del changed[start:end]
        case "with a part twice":
            changed[end:end] = changed[start:end]
    return bytes(changed)


LEAKS = re.compile(
    r"Traceback|pydantic|For further information|Error executing tool|Arguments\n|validation error|input_value=|"
    r"site-packages|\.py\b|<class|object at 0x|\b[A-Z][A-Za-z]+(Error|Exception)\b|through no fault of yours"
)
"""What no refusal may hold: parts of ours, or the admission that the server had not foreseen it."""


def is_sentence(text: str) -> bool:
    """Whether a refusal is one that a person would write, and gives nothing away."""
    last = text.rstrip().rpartition("\n")[2]
    return not LEAKS.search(text) and (last.startswith("- ") or last.endswith((".", "?")))
