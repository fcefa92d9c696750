"""The tests' own NVML, compiled."""

import subprocess
from pathlib import Path

NAME = "libnvidia-ml.so.1"


def compiled(folder: Path) -> Path:
    """Compile it into a folder, and give that back: a loader that looks there first takes it for NVIDIA's."""
    source = Path(__file__).with_name("nvml.c")
    command = ["gcc", "-shared", "-fPIC", f"-Wl,-soname,{NAME}", "-o", str(folder / NAME), str(source)]
    subprocess.run(command, check=True)
    return folder
