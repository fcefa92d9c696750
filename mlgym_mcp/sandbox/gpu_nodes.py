"""What of an NVIDIA driver a bubblewrap sandbox sees: the nodes of its devices, and the driver's libraries."""

import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

from mlgym_mcp.sandbox.gpus import Gpu
from mlgym_mcp.sandbox.system_view import FOLDERS

DEVICES = Path("/dev")
SHARED = ("nvidiactl", "nvidia-uvm", "nvidia-uvm-tools")
"""Nodes that stand for no device of their own."""
LIBRARY = "libcuda.so"
LDCONFIG = "/sbin/ldconfig"


def gpu_nodes(gpus: Sequence[Gpu]) -> Iterator[str]:
    """The bubblewrap arguments that show these devices, and no others, to a sandbox; none for no device."""
    if not gpus:
        return
    for name in (*(f"nvidia{gpu.minor}" for gpu in gpus), *SHARED):
        yield from ("--dev-bind-try", str(DEVICES / name), f"/dev/{name}")
    for folder in _driver_folders():
        yield from ("--ro-bind", str(folder), str(folder))


def _driver_folders() -> list[Path]:
    """Folders of the driver's libraries that a sandbox would not see otherwise."""
    listed = subprocess.run([LDCONFIG, "-p"], capture_output=True, text=True, check=False).stdout
    paths = [Path(line.rsplit(" => ")[-1]) for line in listed.splitlines() if line.strip().startswith(LIBRARY)]
    return sorted({path.parent for path in paths if not any(path.is_relative_to(folder) for folder in FOLDERS)})
