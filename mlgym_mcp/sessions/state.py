"""The states of a session."""

from typing import Literal

SessionState = Literal["waiting", "open", "submitted", "cut_off", "ended", "lost"]
"""`waiting` → `open` → `submitted`, `cut_off` (budget), `ended` (by the user) or `lost` (its sandbox died)."""

LIVE: frozenset[SessionState] = frozenset({"waiting", "open"})
