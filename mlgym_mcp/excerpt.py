"""What somebody gave, quoted in a message: as Python writes it, as far as one reads on."""

from reprlib import Repr


class _Excerpts(Repr):
    def __init__(self) -> None:
        super().__init__()
        self.maxlevel, self.maxdict, self.maxlist, self.maxtuple = 2, 4, 4, 4
        self.maxstring = self.maxother = self.maxlong = 200

    def repr_int(self, x: int, level: int) -> str:
        # Of more digits Python writes none, for it would take too long.
        return super().repr_int(x, level) if abs(x) < 10**300 else "an enormous number"


excerpt = _Excerpts().repr
"""Quotes any value in a few hundred characters: a YAML of 200 bytes can stand for gigabytes."""
