"""Leaves: long lists are shown in parts, each with an address of its own."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

PARAMETER = "page"


@dataclass(frozen=True, slots=True)
class Leaf:
    """One part of a list."""

    number: int
    """From 1."""
    size: int
    """Of a full one."""
    total: int
    """Of the whole list."""
    path: str
    query: Mapping[str, str]

    @property
    def leaves(self) -> int:
        """How many there are."""
        return max(1, -(-self.total // self.size))

    @property
    def skip(self) -> int:
        """How many come before it."""
        return (self.number - 1) * self.size

    @property
    def last(self) -> bool:
        """Whether the list ends with it."""
        return self.number >= self.leaves

    def at(self, number: int) -> str:
        """The address of another one."""
        return f"{self.path}?{self._told(number)}"

    @property
    def here(self) -> str:
        """The query of its own address."""
        return self._told(self.number)

    def _told(self, number: int) -> str:
        return urlencode({**self.query, PARAMETER: str(number)})
