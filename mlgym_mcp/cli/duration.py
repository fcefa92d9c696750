"""Lengths of time as people write them."""

import re

from mlgym_mcp.errors import SetupError

UNITS = {"m": 60.0, "h": 3600.0, "d": 24 * 3600.0}


def seconds(text: str, option: str) -> float:
    """The seconds of `45m`, `12h` or `30d`, given for an option.

    Raises:
        SetupError: it is none of these.
    """
    found = re.fullmatch(r"([0-9]{1,6})([mhd])", text)
    if found is None or int(found[1]) == 0:
        raise SetupError(f"{option} is {text!r}, but should be minutes, hours or days, such as 45m, 12h or 30d.")
    return int(found[1]) * UNITS[found[2]]
