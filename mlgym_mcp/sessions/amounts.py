"""Amounts of what sessions and scorings share."""

from dataclasses import dataclass

from mlgym_mcp.sandbox.base import GIB, MIB

CPU_DIGITS = 6
"""Decimals in which CPUs are counted: what was added is taken away again without a remainder."""


@dataclass(frozen=True, slots=True)
class Amounts:
    """So many places, so much memory in bytes, so many CPUs."""

    places: int = 0
    memory: int = 0
    cpus: float = 0.0

    def __add__(self, other: "Amounts") -> "Amounts":
        cpus = round(self.cpus + other.cpus, CPU_DIGITS)
        return Amounts(self.places + other.places, self.memory + other.memory, cpus)

    def __sub__(self, other: "Amounts") -> "Amounts":
        cpus = round(self.cpus - other.cpus, CPU_DIGITS)
        return Amounts(self.places - other.places, self.memory - other.memory, cpus)

    def __bool__(self) -> bool:
        return self != Amounts()

    def beyond(self, free: "Amounts") -> "Amounts":
        """Of these amounts those that are more than what is free of their kind."""
        return Amounts(
            self.places if self.places > max(0, free.places) else 0,
            self.memory if self.memory > max(0, free.memory) else 0,
            self.cpus if self.cpus > max(0.0, free.cpus) else 0.0,
        )

    def of_kinds(self, others: "Amounts") -> "Amounts":
        """Of these amounts those of whose kind there is something in `others`."""
        return Amounts(
            self.places if others.places else 0, self.memory if others.memory else 0, self.cpus if others.cpus else 0.0
        )

    def __str__(self) -> str:
        kinds = (
            _counted(self.places, "place", "places") if self.places else "",
            f"{size(self.memory)} of memory" if self.memory else "",
            _counted(self.cpus, "CPU", "CPUs") if self.cpus else "",
        )
        *others, last = [kind for kind in kinds if kind] or ["nothing"]
        return f"{', '.join(others)} and {last}" if others else last


def size(count: int) -> str:
    """So many bytes, as people read them."""
    return f"{round(count / GIB, 1):g} GiB" if count >= GIB else f"{round(count / MIB, 1):g} MiB"


def _counted(number: float, one: str, many: str) -> str:
    return f"{number:g} {one if number == 1 else many}"
