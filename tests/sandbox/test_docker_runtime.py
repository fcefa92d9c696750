"""The OCI runtime under which Docker sandboxes run."""

import json
from pathlib import Path

import anyio
import pytest

from mlgym_mcp.errors import BackendUnavailable
from mlgym_mcp.sandbox import probes, process
from mlgym_mcp.sandbox.docker_backend import CONTAINER
from mlgym_mcp.sandbox.lifecycle import open_sandbox
from mlgym_mcp.services import open_backend
from mlgym_mcp.settings import Settings
from mlgym_mcp.tasks.catalog import Catalog
from tests.sandbox.boxes import LIMITS, specify

RUNC = "io.containerd.runc.v2"
"""What every engine has besides its default, by another name."""

pytestmark = pytest.mark.docker


def settings(folder: Path, runtime: str) -> Settings:
    return Settings.load({"data_dir": folder, "sandbox": "auto", "docker_runtime": runtime}, environ={})


async def test_a_runtime_that_is_set_reaches_the_engine_and_is_named_in_scores(tmp_path: Path) -> None:
    spec = specify(limits=LIMITS.model_copy(update={"cpus": 1.0}))
    with anyio.fail_after(60):
        async with open_backend(settings(tmp_path, RUNC), Catalog([])) as backend, open_sandbox(backend, spec):
            shown = await process.run(["docker", "inspect", "--format", "{{json .HostConfig}}", CONTAINER + spec.id])
    kept = json.loads(shown.output)
    assert (kept["Runtime"], kept["CpuShares"], kept["NanoCpus"]) == (RUNC, 256, 1_000_000_000)
    assert backend.name == f"docker+{RUNC}"


async def test_a_runtime_that_the_engine_lacks_is_refused_with_those_that_it_has(tmp_path: Path) -> None:
    refusal = "docker_runtime is 'runsk', but the Docker engine has: .*runc.*; to mend it: name one of these, or"
    with pytest.raises(BackendUnavailable, match=refusal):
        async with open_backend(settings(tmp_path, "runsk"), Catalog([])):
            pass
    finding = await probes.docker_engine("runsk")
    assert not finding.ok and "the Docker engine has:" in finding.detail
    assert (await probes.docker_engine(None)).ok
