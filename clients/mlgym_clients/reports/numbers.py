"""Numbers as a reader wants them."""

import math
from datetime import UTC, datetime

from mlgym_clients.metrics.bootstrap import Interval

NOTHING = "–"


def number(value: float | None, error: float | None = None) -> str:
    """Four significant digits, or as many as an error leaves meaning; a dash for nothing."""
    if value is None or not math.isfinite(value):
        return NOTHING
    if error is None or error == 0:
        text = f"{value:.4g}"
        return f"{value:.0f}" if "e" in text and abs(value) >= 1 else text
    places = max(0, 1 - math.floor(math.log10(error)))
    return f"{value:.{places}f} ± {error:.{places}f}"


def interval(found: Interval | None) -> str:
    """An interval's two ends."""
    return "" if found is None else f"[{found.low:.3f}, {found.high:.3f}]"


def area(value: float | None) -> str:
    """An area under a profile, to the three decimals in which they are published."""
    return NOTHING if value is None else f"{value:.3f}"


def count(value: int | None) -> str:
    """A whole number, in groups of three."""
    return NOTHING if value is None else f"{value:,}"


def money(value: float | None) -> str:
    """US dollars."""
    return NOTHING if value is None else f"${value:.2f}" if value >= 0.01 or value == 0 else f"${value:.4f}"


def duration(seconds: float | None) -> str:
    """Seconds, in the unit that fits."""
    if seconds is None:
        return NOTHING
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def moment(stamp: float) -> str:
    """Seconds since 1970, as a date and time of day that are the same everywhere."""
    return datetime.fromtimestamp(stamp, UTC).strftime("%Y-%m-%d %H:%M UTC")
