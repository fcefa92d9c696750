"""GPUs are found and asked through NVIDIA's own binding, here over an NVML of the tests' own, compiled from nvml.c."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.sandbox.nvml.library import compiled

ASK = """
import dataclasses, json
from mlgym_mcp.errors import GpuFailed
from mlgym_mcp.sandbox.nvml import open_inventory

def use(uuid):
    try:
        return dataclasses.asdict(inventory.use(uuid))
    except GpuFailed as error:
        return str(error)

inventory = open_inventory()
devices = inventory.devices()
print(json.dumps([[dataclasses.asdict(device) for device in devices], [use(device.uuid) for device in devices]]))
"""

pytestmark = pytest.mark.skipif(not shutil.which("gcc") and not os.environ.get("CI"), reason="gcc is not installed")


def asked(folder: Path, **environ: str) -> Any:
    """What a process finds whose NVML, if any, lies in `folder`."""
    variables = {"LD_LIBRARY_PATH": str(folder), "PYTHONPATH": str(Path(__file__).parents[2]), **environ}
    ended = subprocess.run([sys.executable, "-c", ASK], env=variables, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout)


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return compiled(tmp_path_factory.mktemp("nvml"))


def test_devices_and_their_use_are_told_as_nvml_has_them(library: Path) -> None:
    devices, uses = asked(library)
    assert devices == [
        {"uuid": f"GPU-0000-{index}", "index": index, "minor": 4 + index, "name": f"Toy {index}", "memory": 80 * 2**30}
        for index in (0, 1)
    ]
    assert uses == [
        {"memory": 3 * 2**30, "utilisation": 0.25, "processes": 2},
        {"memory": 3 * 2**30, "utilisation": None, "processes": 0},
    ]


def test_a_device_that_is_lost_is_no_device(library: Path) -> None:
    devices, _ = asked(library, NVML_LOST="1")
    assert [device["uuid"] for device in devices] == ["GPU-0000-0"]


def test_a_machine_without_a_driver_has_none(tmp_path: Path) -> None:
    assert asked(tmp_path) == [[], []]
