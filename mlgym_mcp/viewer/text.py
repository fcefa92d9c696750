"""Text that an agent or its programs wrote, made fit to be looked at: nothing in it is hidden, and nothing acts."""

import re

from markupsafe import Markup, escape

from mlgym_mcp.inert import plain
from mlgym_mcp.log import without_secrets

ANSI = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]")
"""Colours and cursor movements of terminals, which are left out."""


def without_colours(text: str) -> str:
    """A text without what only a terminal would act on, also where taking out one makes another of what is left."""
    while (less := ANSI.sub("", text)) != text:
        text = less
    return text


def hidden(text: str, *own: str) -> str:
    """A text without secrets: these, and what is one by its form; colours would hide one from those who look for it."""
    return without_secrets(without_colours(text), *own)


def shown(text: str) -> str:
    """A text with control characters and what can't be seen as JSON writes them; progress bars take a line a state."""
    return plain(without_colours(text).replace("\r\n", "\n").replace("\r", "\n"))


def marked(text: str, sought: str) -> str:
    """A text in which what is looked for is marked, wherever it stands."""
    if not sought:
        return text
    parts = re.split(f"({re.escape(sought)})", text, flags=re.IGNORECASE)
    return Markup("").join(
        Markup("<mark>{}</mark>").format(part) if place % 2 else escape(part) for place, part in enumerate(parts)
    )
