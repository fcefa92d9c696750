"""Chance for graders whose contestants see what is drawn."""

from __future__ import annotations

import hashlib

DRAW = 8
"""Bytes of one draw."""


class Chance:
    """Draws of which nobody can foresee the next from all before it.

    The generator of `random` is linear: a submission that sees enough outcomes can work out its state, and with it
    every later draw. These are a keyed hash of a counter.
    """

    def __init__(self, seed: int) -> None:
        self._key = seed.to_bytes(DRAW, "big")
        self._blocks = 0
        self._left = b""

    def random(self) -> float:
        """A number drawn uniformly from [0, 1)."""
        if not self._left:
            self._blocks += 1
            self._left = hashlib.blake2b(self._blocks.to_bytes(DRAW, "big"), key=self._key).digest()
        draw, self._left = self._left[:DRAW], self._left[DRAW:]
        return (int.from_bytes(draw, "big") >> 11) * 2.0**-53
