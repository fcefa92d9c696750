"""The load model: what a server spends on what is done there, fitted at some sizes and held against another."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

Kind = Literal["second", "start", "idle second", "call", "score", "end"]
"""`second`: of the server with no session; `idle second`: what each open session adds to that."""
KINDS: tuple[Kind, ...] = get_args(Kind)


@dataclass(frozen=True, slots=True)
class Spent:
    """What the server's process spent."""

    cpu: float = 0.0
    """Seconds, the kernel's on its account included."""
    transactions: float = 0.0
    stored: float = 0.0
    """Bytes that the data folder grew by."""

    def __add__(self, other: "Spent") -> "Spent":
        return Spent(self.cpu + other.cpu, self.transactions + other.transactions, self.stored + other.stored)

    def __sub__(self, other: "Spent") -> "Spent":
        return self + -1 * other

    def __rmul__(self, times: float) -> "Spent":
        return Spent(times * self.cpu, times * self.transactions, times * self.stored)


NOTHING = Spent()


@dataclass(frozen=True, slots=True)
class Measured:
    """One size: so many sessions at once, what was done with them, and what it cost."""

    sessions: int
    counts: Mapping[Kind, float]
    spent: Mapping[Kind, Spent]
    memory: float
    """Bytes with all of them open, idle."""

    @property
    def total(self) -> Spent:
        """What all of it cost."""
        return sum(self.spent.values(), NOTHING)

    def each(self, kind: Kind) -> Spent:
        """What one of a kind cost."""
        return 1 / self.counts[kind] * self.spent[kind]


@dataclass(frozen=True, slots=True)
class LoadModel:
    """Everything costs in proportion to how often it is done; memory is a base, and so much for each open session."""

    prices: Mapping[Kind, Spent]
    base: float
    """Bytes."""
    session: float
    """Bytes."""

    @classmethod
    def fitted(cls, sizes: Sequence[Measured]) -> "LoadModel":
        """The model of two sizes or more; memory is the line through the smallest and the largest."""
        prices = {kind: _price(sizes, kind) for kind in KINDS}
        least, most = min(sizes, key=_sessions), max(sizes, key=_sessions)
        session = (most.memory - least.memory) / (most.sessions - least.sessions)
        return cls(prices, least.memory - least.sessions * session, session)

    def spent(self, counts: Mapping[Kind, float]) -> Spent:
        """What so much of each kind costs."""
        return sum((count * self.prices[kind] for kind, count in counts.items()), NOTHING)

    def memory(self, sessions: float) -> float:
        """Bytes with so many sessions open."""
        return self.base + sessions * self.session


def _price(sizes: Sequence[Measured], kind: Kind) -> Spent:
    spent = sum((size.spent[kind] for size in sizes), NOTHING)
    return 1 / sum(size.counts[kind] for size in sizes) * spent


def _sessions(size: Measured) -> int:
    return size.sessions
