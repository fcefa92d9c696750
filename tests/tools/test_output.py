"""What a model sees of a long or a strange output."""

import pytest

from mlgym_mcp.tools.output import LIMIT, shown


def test_a_short_output_is_shown_whole() -> None:
    assert shown("naïve\n".encode()) == "naïve\n"


def test_bytes_that_are_no_utf_8_are_escaped() -> None:
    assert shown(b"a\xff\x00b") == "a\\xff\\u0000b"


@pytest.mark.parametrize("character", [b"x", "é".encode(), "\U0001f600".encode(), b"\xff"])
def test_a_long_output_is_cut_in_the_middle_to_the_limit(character: bytes) -> None:
    data = b"begin" + character * 3 * LIMIT + b"end"
    text = shown(data, rest="/outputs/j1.log")
    assert len(text) <= LIMIT
    assert text.startswith("begin")
    assert text.endswith("end")
    assert "/outputs/j1.log" in text


def test_the_note_counts_every_byte_that_is_left_out() -> None:
    head, note, tail = shown(b"a" * 20_000).split("\n")
    assert note == f"[… {20_000 - len(head) - len(tail):,} bytes left out …]"


def test_what_the_guest_left_out_is_counted_too() -> None:
    text = shown(b"head", b"tail", size=1_000_008, rest="/outputs/j2.log")
    assert text == "head\n[… 1,000,000 bytes left out; all of it: /outputs/j2.log …]\ntail"


def test_no_character_is_cut_in_two() -> None:
    assert "\\x" not in shown("é".encode() * LIMIT)
