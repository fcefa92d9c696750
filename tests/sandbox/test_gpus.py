"""Which GPUs may be lent, and that a sandbox sees the ones it was lent and no others."""

import json
import os
import secrets
import shutil
import stat
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from docker.types import DeviceRequest

from mlgym_mcp.errors import SandboxError, SetupError
from mlgym_mcp.sandbox import gpu_nodes, process, profiles
from mlgym_mcp.sandbox.base import GIB
from mlgym_mcp.sandbox.docker import DockerEngine, EngineFacts, open_engine
from mlgym_mcp.sandbox.gpus import Gpu, Lendable, NoGpus, chosen
from mlgym_mcp.sandbox.images import Images
from tests.sandbox.boxes import open_box, specify

PAIR = [Gpu(f"GPU-{index}{index}", index, 190 + index, "Toy", 8 * GIB) for index in range(2)]


def test_the_operator_names_devices_by_index_or_uuid() -> None:
    assert chosen(PAIR, "all") == PAIR and chosen(PAIR, "none") == []
    assert chosen(PAIR, "1") == [PAIR[1]] and chosen(PAIR, " GPU-11, 0,0") == [PAIR[1], PAIR[0]]
    with pytest.raises(SetupError, match=r"names '7', but the GPUs of this machine are: 0 \(GPU-00, Toy\), 1 \(GPU-11"):
        chosen(PAIR, "0,7")
    with pytest.raises(SetupError, match="the GPUs of this machine are: none"):
        chosen([], "0")


def test_no_driver_is_looked_for_where_no_gpu_is_to_be_lent() -> None:
    def fail() -> NoGpus:
        raise AssertionError("the inventory was opened")

    assert Lendable(fail, "none").devices() == []


@pytest.fixture
def nodes(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Device nodes as an NVIDIA driver makes them; those of devices are /dev/zero and /dev/full by another name."""
    if os.geteuid() != 0:
        pytest.skip("only root makes device nodes")
    folder = Path(tempfile.mkdtemp(dir="/dev"))  # elsewhere nodes may be of no use, and uids of sandboxes not let in
    folder.chmod(0o755)
    for name, minor in {"nvidia190": 5, "nvidia191": 7, "nvidiactl": 3}.items():
        os.mknod(folder / name, 0o666 | stat.S_IFCHR, os.makedev(1, minor))
        (folder / name).chmod(0o666)
    monkeypatch.setattr(gpu_nodes, "DEVICES", folder)
    yield
    shutil.rmtree(folder)


@pytest.mark.usefixtures("nodes")
async def test_a_bubblewrap_sandbox_sees_the_nodes_of_its_own_devices(tmp_path: Path) -> None:
    for gpus, seen in (((PAIR[1],), ["/dev/nvidia191", "/dev/nvidiactl"]), ((), [])):
        async with open_box("bubblewrap", tmp_path, replace(specify(), gpus=gpus)) as box:
            assert (await box.output("ls -d /dev/nvidia* 2>/dev/null")).split() == seen
            assert await box.output("echo $CUDA_VISIBLE_DEVICES") == ("GPU-11\n" if gpus else "\n")
            if gpus:
                assert "No space left" in await box.output("echo x >/dev/nvidia191"), "it is the device, not a file"


@pytest.mark.docker
async def test_a_docker_engine_is_asked_for_the_devices_by_their_uuids(tmp_path: Path) -> None:
    asked = f"mlgym-mcp-test-{secrets.token_hex(4)}"
    async with open_engine() as engine:
        image = (await Images(engine).built(profiles.load("plain"))).id
        request = await engine.gpu_request(["GPU-11"])
        try:
            with pytest.raises(SandboxError):  # this machine has neither the device nor its runtime
                await engine.create(image, ["true"], name=asked, device_requests=[request])
            shown = await process.run(["docker", "inspect", "--format", "{{json .HostConfig.DeviceRequests}}", asked])
        finally:
            await engine.remove(asked)
    [kept] = json.loads(shown.output)
    assert kept["DeviceIDs"] == ["nvidia.com/gpu=GPU-11"] and kept["Driver"] == "cdi"


async def test_nvidias_runtime_is_used_where_the_engine_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    facts = EngineFacts("unix", "6.1", "Debian", "runc", runtimes=("runc", "nvidia"))

    async def told(_: DockerEngine) -> EngineFacts:
        return facts

    monkeypatch.setattr(DockerEngine, "facts", told)
    assert await DockerEngine().gpu_request(["GPU-11"]) == DeviceRequest(device_ids=["GPU-11"], capabilities=[["gpu"]])
