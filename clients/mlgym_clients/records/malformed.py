"""What is wrong with a document that somebody else wrote, in a line."""

from pydantic import ValidationError

MALFORMED = (KeyError, TypeError, ValueError, AttributeError, ArithmeticError, RecursionError)
"""What reading a document raises that is not as it should be."""
LONGEST = 300
"""Characters."""


def wrong_with(error: Exception) -> str:
    """Where a document is wrong, and how."""
    if isinstance(error, ValidationError):
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        return f"{'.'.join(map(str, first['loc']))[:LONGEST] or 'the document'}: {first['msg']}"[:LONGEST]
    return f"{type(error).__name__}: {error}"[:LONGEST]
