"""NVIDIA's management library as an inventory of GPUs."""

from types import ModuleType
from typing import Any

from mlgym_mcp.errors import GpuFailed
from mlgym_mcp.sandbox.gpus import Gpu, GpuInventory, GpuUse, NoGpus


class Nvml:
    """This machine's NVIDIA GPUs."""

    def __init__(self, library: ModuleType) -> None:
        """`library` is `pynvml`, initialised."""
        self._library = library

    def devices(self) -> list[Gpu]:
        """All devices, by index; one that does not answer is left out."""
        found = []
        for index in range(self._library.nvmlDeviceGetCount()):
            try:
                found.append(self._device(index))
            except self._library.NVMLError:
                continue
        return found

    def use(self, uuid: str) -> GpuUse:
        """What one of them is doing.

        Raises:
            GpuFailed: it does not answer.
        """
        library = self._library
        try:
            handle = library.nvmlDeviceGetHandleByUUID(uuid)
            memory = int(library.nvmlDeviceGetMemoryInfo(handle).used)
            processes = len(library.nvmlDeviceGetComputeRunningProcesses(handle))
        except library.NVMLError as error:
            raise GpuFailed(f"the GPU {uuid} does not answer: {error}") from error
        return GpuUse(memory, self._utilisation(handle), processes)

    def _device(self, index: int) -> Gpu:
        library = self._library
        handle = library.nvmlDeviceGetHandleByIndex(index)
        return Gpu(
            uuid=_text(library.nvmlDeviceGetUUID(handle)),
            index=index,
            minor=int(library.nvmlDeviceGetMinorNumber(handle)),
            name=_text(library.nvmlDeviceGetName(handle)),
            memory=int(library.nvmlDeviceGetMemoryInfo(handle).total),
        )

    def _utilisation(self, handle: Any) -> float | None:
        try:
            return float(self._library.nvmlDeviceGetUtilizationRates(handle).gpu) / 100
        except self._library.NVMLError:
            return None  # of a part of a device it can't be told


def open_inventory() -> GpuInventory:
    """This machine's GPUs; none where there is no driver."""
    import pynvml

    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        return NoGpus()
    return Nvml(pynvml)


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value
