"""The Slurm script, run where `srun` is a program of ours whose nodes are this machine."""

import os
import sys
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from signal import SIGKILL
from subprocess import STDOUT

import anyio
import pytest
from anyio.abc import Process
from anyio.streams.buffered import BufferedByteReceiveStream

SCRIPT = Path(__file__).parents[2] / "docker" / "cluster" / "slurm.sh"
NODES = ("localhost", "left", "right")
JOB = str(os.getpid())
MOST = 1 << 20
PROGRAMS = {
    "srun": f"""
nodes=({" ".join(NODES)})
while [[ $1 == --* ]]; do
  case $1 in
    --nodelist=*) nodes=("${{1#*=}}") ;;
    --exclude=*) nodes=(${{nodes[@]/${{1#*=}}}}) ;;
  esac
  shift
done
trap ended=yes TERM
for node in "${{nodes[@]}}"; do SLURMD_NODENAME=$node SLURM_CPUS_ON_NODE=4 "$@" & done
while [ -n "$(jobs -pr)" ]; do
  if [ -n "${{ended:-}}" ]; then kill $(jobs -pr); ended=; fi
  sleep 0.1
done""",
    "ray": """
case $1 in
  health-check) [ -e "$SLURM_SUBMIT_DIR/up" ] ;;
  start)
    [[ $2 != --head ]] || touch "$SLURM_SUBMIT_DIR/up"
    trap 'echo "$SLURMD_NODENAME leaves"; exit' TERM
    echo "$SLURMD_NODENAME joins: $*"
    while :; do sleep 0.1; done ;;
esac""",
    "mlgym-mcp": """
case $1 in
  --version) if [ "$SLURMD_NODENAME" = "${OUTDATED:-}" ]; then echo mlgym-mcp 1; else echo mlgym-mcp 2; fi ;;
  serve)
    trap 'echo the server ends; exit' TERM
    echo "serving: $*"
    [ -z "${FAILING:-}" ] || exit 1
    while :; do sleep 0.1; done ;;
  backup) echo "kept in $2" ;;
esac""",
}
RAYS_DRIVER = f"""#!{sys.executable}
import signal, sys
if sys.argv[1] != "serve":
    sys.exit(print(sys.argv[1:]))
import ray
ray.init(address=sys.argv[sys.argv.index("--ray-address") + 1], log_to_driver=False)
signal.signal(signal.SIGTERM, lambda *_: sys.exit(print("the server ends", flush=True)))
one_of_each = ray.util.placement_group([{{"CPU": 1}}] * {len(NODES)}, strategy="STRICT_SPREAD")
ray.get(one_of_each.ready())
print("serving from all nodes", flush=True)
signal.pause()
"""


@dataclass
class Job:
    """A job that goes on."""

    process: Process
    output: BufferedByteReceiveStream

    async def until(self, text: str) -> str:
        """What it prints before that."""
        return (await self.output.receive_until(text.encode(), MOST)).decode()

    async def rest(self) -> list[str]:
        """The lines that it prints until the last of its processes is gone, which all hold its output."""
        return b"".join([part async for part in self.output]).decode().splitlines()


@asynccontextmanager
async def job(folder: Path, programs: Iterable[str] = PROGRAMS, **variables: str) -> AsyncIterator[Job]:
    for name in programs:
        (folder / name).write_text(f"#!/usr/bin/env bash\n{PROGRAMS[name]}\n")
        (folder / name).chmod(0o755)
    slurm = {"JOB_ID": JOB, "JOB_NUM_NODES": str(len(NODES)), "SUBMIT_DIR": str(folder)}
    environment = {
        "PATH": f"{folder}:/usr/bin:/bin",
        "SLURMD_NODENAME": NODES[0],
        **{f"SLURM_{name}": value for name, value in slurm.items()},
        "MLGYM_MCP_HOME": str(folder / "home"),
        **variables,
    }
    with anyio.fail_after(120):
        process = await anyio.open_process(
            ["bash", str(SCRIPT), "--gpus", "none"], env=environment, stderr=STDOUT, start_new_session=True
        )
        assert process.stdout is not None
        try:
            yield Job(process, BufferedByteReceiveStream(process.stdout))
            await process.wait()
        finally:
            if process.returncode is None:
                os.killpg(process.pid, SIGKILL)
            await process.aclose()


async def test_outside_of_slurm_it_says_how_it_is_started(tmp_path: Path) -> None:
    async with job(tmp_path, SLURM_JOB_ID="") as outside:
        lines = await outside.rest()
    assert lines == ["slurm.sh: this is no job of Slurm; start it by: sbatch docker/cluster/slurm.sh"]
    assert outside.process.returncode == 1


async def test_a_program_that_is_missing_is_named(tmp_path: Path) -> None:
    async with job(tmp_path, {*PROGRAMS} - {"ray"}) as poor:
        assert "ray is not on the PATH of localhost" in (await poor.rest())[0]


async def test_the_head_comes_first_then_workers_and_the_server_all_end_together(tmp_path: Path) -> None:
    async with job(tmp_path) as served:
        assert (await served.until(" joins: ")).splitlines()[-1] == NODES[0]
        before = await served.until("serving: serve --http") + await served.until("--gpus none\n")
        while not all(f"{node} joins" in before for node in NODES[1:]):
            before += await served.until("\n")
        assert "--num-cpus=2" in before.splitlines()[0]
        assert before.count("--num-cpus=4") == 2
        served.process.terminate()
        ends = [line for line in await served.rest() if "ends" in line or "kept" in line or "leaves" in line]
    assert ends[:2] == ["the server ends", f"kept in {tmp_path}/mlgym-mcp-{JOB}"]
    assert sorted(ends[2:]) == sorted(f"{node} leaves" for node in NODES)
    assert served.process.returncode == 0


async def test_a_server_that_fails_ends_the_job_and_what_it_has_is_kept(tmp_path: Path) -> None:
    async with job(tmp_path, FAILING="yes") as failed:
        lines = await failed.rest()
    assert "slurm.sh: the server, Ray's head or all of the other nodes ended by themselves" in lines
    assert f"kept in {tmp_path}/mlgym-mcp-{JOB}" in lines
    assert failed.process.returncode == 1


async def test_a_node_with_another_version_is_named_and_does_without_the_others(tmp_path: Path) -> None:
    async with job(tmp_path, OUTDATED="left") as mixed:
        await mixed.until("left has mlgym-mcp 1, localhost has mlgym-mcp 2; install the same on every node")
        mixed.process.terminate()
        lines = await mixed.rest()
    assert "the server ends" in lines
    assert "left leaves" not in lines


@pytest.mark.exhaustive
async def test_ray_itself_starts_on_all_nodes_and_nothing_of_it_is_left(tmp_path: Path) -> None:
    pytest.importorskip("ray")
    (tmp_path / "mlgym-mcp").write_text(RAYS_DRIVER)
    (tmp_path / "mlgym-mcp").chmod(0o755)
    path = f"{tmp_path}:{Path(sys.executable).parent}:/usr/bin:/bin"
    async with job(tmp_path, ["srun"], PATH=path, HOME=str(tmp_path)) as served:
        await served.until("serving from all nodes")
        served.process.terminate()
        assert "the server ends" in await served.rest()
    assert served.process.returncode == 0
    assert not Path(f"/tmp/ray-{JOB}").exists()
