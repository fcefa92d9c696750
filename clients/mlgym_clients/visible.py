"""Text that an agent or its programs wrote, made fit to be looked at: nothing in it is hidden, and nothing acts."""

import re

UNSEEN = "\xad\u180e\u200b-\u200d\u2028\u2029\u2060-\u2064\ufeff\ufff9-\ufffb\U000e0000-\U000e007f"
"""Joiners, hyphens and tags: in the last of them whole sentences can be written that only a model reads."""
BIDIRECTIONAL = "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
INVISIBLE = re.compile(f"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff{UNSEEN}{BIDIRECTIONAL}]")
ANSI = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]")
"""Colours and cursor movements of terminals, which are left out."""


def visible(text: str, limit: int | None = None) -> str:
    """Control characters as what they are called, and no more than `limit` characters: head and tail of the text."""
    if limit is not None and len(text) > limit:
        half = limit // 2
        text = f"{text[:half]}\n[… {len(text) - 2 * half:,} characters left out …]\n{text[-half:]}"
    return INVISIBLE.sub(_named, ANSI.sub("", text.replace("\r\n", "\n")))


def _named(found: re.Match[str]) -> str:
    code = ord(found[0])
    return chr(0x2400 + code) if code < 0x20 else f"⟨U+{code:04X}⟩"
