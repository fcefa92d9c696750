"""The journal: one line of JSON for each request that sandboxes made, and what became of it."""

import json
import logging
import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Literal

LARGEST = 32 * 1024 * 1024
"""Bytes of the file, after which a new one is begun."""
KEPT = 4
"""Earlier files that are kept."""


@dataclass
class Entry:
    """One request."""

    sandbox: str
    method: str = ""
    host: str = ""
    port: int = 0
    address: str = ""
    """What was connected to."""
    verdict: Literal["allowed", "refused", "failed"] = "failed"
    why: str = ""
    sent: int = 0
    """Bytes from the sandbox to the host."""
    received: int = 0
    """Bytes from the host to the sandbox."""


class Journal:
    """A file that is appended to; servers of one data folder share it."""

    def __init__(self, file: Path) -> None:
        self._file = RotatingFileHandler(file, maxBytes=LARGEST, backupCount=KEPT, encoding="utf-8", delay=True)

    def write(self, entry: Entry, began: float) -> None:
        """Write a request down once it is over; it began when `time.time()` said so."""
        times = {"time": datetime.fromtimestamp(began, UTC).isoformat(), "seconds": round(time.time() - began, 3)}
        self._file.emit(logging.makeLogRecord({"msg": json.dumps({**times, **asdict(entry)})}))

    def close(self) -> None:
        """Close the file."""
        self._file.close()
