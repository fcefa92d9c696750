"""The game has no data: its opponent lives in the grader."""

from __future__ import annotations

from pathlib import Path


def prepare(flavour: str, sources: Path, out: Path, seed: int) -> None:
    """Leave public/ and hidden/ empty."""
