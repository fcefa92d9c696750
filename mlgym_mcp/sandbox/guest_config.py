"""What a guest is told when it starts, the same for every backend."""

import base64
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from mlgym_mcp.sandbox.base import (
    EGRESS,
    EGRESS_PORT,
    EGRESS_SOCKET,
    ENVIRONMENT,
    OUTPUTS,
    WORKSPACE,
    SandboxSpec,
)
from mlgym_mcp.sandbox.seccomp import bpf_filters


@dataclass(frozen=True, slots=True)
class Unenforced:
    """Limits that neither cgroup nor disk keeps here, so that the guest has to see to them. None: kept."""

    memory: int | None = None
    """Bytes."""
    disk: int | None = None
    """Bytes."""
    processes: int | None = None


def guest_config(spec: SandboxSpec, *, socket: str | None, environment: bool, unenforced: Unenforced) -> bytes:
    """The configuration as JSON. Secret: it holds the token.

    Args:
        spec: the sandbox.
        socket: where the guest listens, `@NAME` being an abstract socket; None when it is given a listening socket.
        environment: whether the profile has a virtual environment at /env.
        unenforced: the limits that the guest watches.
    """
    return json.dumps(
        {
            "token": spec.token,
            "workspace": WORKSPACE,
            "outputs": OUTPUTS,
            "socket": socket,
            "env": _env(spec, environment),
            "ulimits": _ulimits(spec, unenforced),
            "filters": _filters(),
            "lifetime": spec.lifetime,
            "orphan_grace": spec.orphan_grace,
            "memory_watch": unenforced.memory,
            "disk_watch": unenforced.disk,
            "way_out": [EGRESS_PORT, f"{EGRESS}/{EGRESS_SOCKET}"] if spec.has_way_out else None,
        }
    ).encode()


@cache  # a sandbox starts in some ten milliseconds, and these are the same for all
def _filters() -> Mapping[str, str]:
    """The filters of system calls, by machine: which one the sandbox is on, the guest knows."""
    return {machine: base64.b64encode(steps).decode() for machine, steps in bpf_filters().items()}


def _env(spec: SandboxSpec, environment: bool) -> dict[str, str]:
    """Built, never inherited: the server's own environment may hold anything."""
    threads = str(max(1, math.ceil(spec.limits.cpus)))
    env = {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "HOME": WORKSPACE,
        "USER": "agent",
        "LANG": "C.UTF-8",
        "TERM": "dumb",
        "PAGER": "cat",
        "PYTHONUNBUFFERED": "1",
        "MPLBACKEND": "Agg",
        "OMP_NUM_THREADS": threads,
        "OPENBLAS_NUM_THREADS": threads,
        # Threads that wait by spinning take the time that the sandboxes beside this one would have used.
        "OMP_WAIT_POLICY": "PASSIVE",
    }
    if environment:
        env |= {"PATH": f"{ENVIRONMENT}/bin:{env['PATH']}", "VIRTUAL_ENV": ENVIRONMENT}
    if spec.gpus:
        env["CUDA_VISIBLE_DEVICES"] = ",".join(gpu.uuid for gpu in spec.gpus)
    if spec.has_way_out:
        proxy = f"http://127.0.0.1:{EGRESS_PORT}"
        env |= dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), proxy)
        env |= dict.fromkeys(("no_proxy", "NO_PROXY"), "localhost,127.0.0.1,::1")
    return env | dict(spec.env)


def _ulimits(spec: SandboxSpec, unenforced: Unenforced) -> str:
    # Processes are counted for each uid, and all containers of an engine share one: only where nothing better counts.
    processes = f" -u {unenforced.processes}" if unenforced.processes else ""
    largest_file = f" -f {unenforced.disk // 1024}" if unenforced.disk else ""
    return f"-n {spec.limits.open_files}{processes}{largest_file}"
