"""Patterns of SQL's LIKE, by which people look for a text."""

ESCAPE = "!"
"""Stands before a sign that would mean something else."""


def having(text: str) -> str:
    """The pattern of whatever has this text in it, in large or small letters; empty for no text."""
    for sign in (ESCAPE, "%", "_"):
        text = text.replace(sign, ESCAPE + sign)
    return f"%{text}%" if text else ""
