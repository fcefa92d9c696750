"""Numbers as a reader wants them."""

import math
from datetime import UTC, datetime

NOTHING = "–"
_UNITS = ("B", "KiB", "MiB", "GiB", "TiB")


def number(value: float | None, error: float | None = None) -> str:
    """Four significant digits, or as many as an error leaves meaning; a dash for nothing."""
    if value is None or not math.isfinite(value):
        return NOTHING
    if error is None or error <= 0 or not math.isfinite(error):
        text = f"{value:.4g}"
        return f"{value:.0f}" if "e" in text and abs(value) >= 1 else text
    places = min(6, max(0, 1 - math.floor(math.log10(error))))
    return f"{value:.{places}f} ± {error:.{places}f}"


def count(value: int | None) -> str:
    """A whole number, in groups of three."""
    return NOTHING if value is None else f"{value:,}"


def duration(seconds: float | None) -> str:
    """Seconds, in the unit that fits."""
    if seconds is None or not math.isfinite(seconds):
        return NOTHING
    if seconds < 10:
        return f"{seconds:.1f} s" if seconds >= 0.05 else f"{seconds * 1000:.0f} ms"
    if seconds < 119.5:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def size(value: float | None) -> str:
    """Bytes, in the unit that fits."""
    if value is None:
        return NOTHING
    place = 0
    while value >= 1024 and place < len(_UNITS) - 1:
        value, place = value / 1024, place + 1
    return f"{value:.0f} B" if place == 0 else f"{value:.1f} {_UNITS[place]}"


def moment(stamp: float | None) -> str:
    """Seconds since 1970, as a date and time of day that are the same everywhere."""
    return NOTHING if (when := _when(stamp)) is None else when.strftime("%Y-%m-%d %H:%M:%S UTC")


def machine_time(stamp: float) -> str:
    """The same for programs, as `<time datetime>` wants it."""
    return "" if (when := _when(stamp)) is None else when.isoformat(timespec="seconds").replace("+00:00", "Z")


def _when(stamp: float | None) -> datetime | None:
    """None of what is no time that a calendar has."""
    try:
        return None if stamp is None else datetime.fromtimestamp(stamp, UTC)
    except (OverflowError, OSError, ValueError):
        return None
