"""GPUs as values: the devices of this machine, what they are used for now, and which of them may be lent."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from mlgym_mcp.errors import SetupError


@dataclass(frozen=True, slots=True)
class Gpu:
    """One device. Memory in bytes."""

    uuid: str
    """`GPU-…`; what leases, Docker and CUDA know it by."""
    index: int
    """Its place in NVML's list."""
    minor: int
    """The number of its node, `/dev/nvidia<minor>`."""
    name: str
    memory: int


@dataclass(frozen=True, slots=True)
class GpuUse:
    """What a device is doing now. Memory in bytes; utilisation from 0 to 1, None where the device can't tell."""

    memory: int
    utilisation: float | None
    processes: int


class GpuInventory(Protocol):
    """The devices of a machine."""

    def devices(self) -> list[Gpu]:
        """All devices, by index."""

    def use(self, uuid: str) -> GpuUse:
        """What one of them is doing.

        Raises:
            GpuFailed: it does not answer.
        """


class NoGpus:
    """The inventory of a machine without any."""

    def devices(self) -> list[Gpu]:
        """None."""
        return []

    def use(self, uuid: str) -> GpuUse:
        """Of no device."""
        raise KeyError(uuid)


class Lendable:
    """Those devices of an inventory that the operator lets be lent, looked for when they are first needed."""

    def __init__(self, open_inventory: Callable[[], GpuInventory], wanted: str) -> None:
        """`wanted` is `all`, `none`, or indices and UUIDs with commas between."""
        self._open = open_inventory
        self._wanted = wanted
        self._inventory: GpuInventory | None = None

    def devices(self) -> list[Gpu]:
        """The devices, by index.

        Raises:
            SetupError: one that is named is not there.
        """
        return [] if self._wanted == "none" else chosen(self._opened().devices(), self._wanted)

    def use(self, uuid: str) -> GpuUse:
        """What one of them is doing.

        Raises:
            GpuFailed: it does not answer.
        """
        return self._opened().use(uuid)

    def _opened(self) -> GpuInventory:
        if self._inventory is None:
            self._inventory = self._open()
        return self._inventory


def chosen(devices: Sequence[Gpu], wanted: str) -> list[Gpu]:
    """The devices that may be lent: `all`, `none`, or indices and UUIDs with commas between.

    Raises:
        SetupError: one that is named is not there; tells which are.
    """
    if wanted in ("all", "none"):
        return list(devices) if wanted == "all" else []
    found = []
    for word in filter(None, (part.strip() for part in wanted.split(","))):
        device = next((device for device in devices if word in (str(device.index), device.uuid)), None)
        if device is None:
            there = ", ".join(f"{device.index} ({device.uuid}, {device.name})" for device in devices) or "none"
            raise SetupError(f"--gpus names {word!r}, but the GPUs of this machine are: {there}")
        if device not in found:
            found.append(device)
    return found
