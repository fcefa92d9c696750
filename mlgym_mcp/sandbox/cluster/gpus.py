"""GPUs of a cluster: which devices Ray has assigned, and what they do on their nodes."""

from collections.abc import Callable, Sequence
from typing import Any

from mlgym_mcp.errors import GpuFailed
from mlgym_mcp.sandbox.cluster.connection import first_line
from mlgym_mcp.sandbox.gpus import Gpu, GpuUse
from mlgym_mcp.sandbox.nvml import open_inventory

USE_LIMIT = 5.0
"""Seconds within which a node tells what a device does."""


class ClusterGpus:
    """The devices of places, as far as this server has heard of them."""

    def __init__(self, steward: Callable[[str], str]) -> None:
        """`steward`: tells the name of a node's steward."""
        self._steward = steward
        self._nodes: dict[str, str] = {}

    def note(self, node: str, devices: Sequence[Gpu]) -> tuple[Gpu, ...]:
        """Remember where devices are; the devices."""
        self._nodes |= {gpu.uuid: node for gpu in devices}
        return tuple(devices)

    def node_of(self, uuid: str) -> str | None:
        """Where a device is, as far as this server has heard."""
        return self._nodes.get(uuid)

    def devices(self) -> list[Gpu]:
        """None: Ray lends them."""
        return []

    def use(self, uuid: str) -> GpuUse:
        """What one of them is doing.

        Raises:
            GpuFailed: it does not answer, or its node doesn't.
        """
        import ray
        from ray.exceptions import RayError

        try:
            steward: Any = ray.get_actor(self._steward(self._nodes.get(uuid, "")))
            use: Any = ray.get(steward.use_of.remote(uuid), timeout=USE_LIMIT)
        except (RayError, ValueError) as error:  # ValueError: there is no steward
            raise GpuFailed(f"{uuid} does not answer: {first_line(error)}") from None
        assert isinstance(use, GpuUse)
        return use


def assigned() -> tuple[str, list[Gpu]]:
    """The node on which this runs as a task of Ray, and the devices that it was given."""
    import ray

    context = ray.get_runtime_context()
    node = context.get_node_id()
    known = {name: gpu for gpu in open_inventory().devices() for name in (str(gpu.index), gpu.uuid)}
    return node, [known.get(given) or _unknown(node, given) for given in context.get_accelerator_ids()["GPU"]]


def _unknown(node: str, given: str) -> Gpu:
    """A device that Ray was told of, and NVML was not."""
    number = int(given) if given.isdecimal() else 0
    return Gpu(uuid=f"{node[:12]}-{given}", index=number, minor=number, name="unknown device", memory=0)
