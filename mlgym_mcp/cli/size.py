"""Sizes as people write them."""

from mlgym_mcp.errors import SetupError

UNITS = ("B", "KiB", "MiB", "GiB", "TiB")


def size(text: str, option: str) -> int:
    """The bytes of `512MiB` or `20GiB`, given for an option.

    Raises:
        SetupError: it is no size.
    """
    from mlgym_mcp.tasks.spec import parse_size

    try:
        found = parse_size(text)
    except (ValueError, OverflowError):
        raise SetupError(f"{option} is {text!r}, but should be a size such as 512MiB or 20GiB.") from None
    assert isinstance(found, int)
    return found


def shown(size: int) -> str:
    """Bytes, as people read them."""
    power = min((max(size, 1).bit_length() - 1) // 10, len(UNITS) - 1)
    return f"{size / 1024**power:.1f} {UNITS[power]}" if power else f"{size} B"
