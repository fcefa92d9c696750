"""A Ray cluster of several nodes on this machine, made when a test first needs one, for the length of the process."""

import atexit
from functools import cache
from pathlib import Path
from typing import Any

from mlgym_mcp.settings import Settings

WORKERS = 3
CPUS = 8
"""Of each worker, as Ray counts them; the head has none, so that nothing is placed there."""
GPUS = 2
"""Of the last worker: devices that Ray counts, and nobody has."""
SOON_MISSED = {"health_check_period_ms": 1000, "health_check_timeout_ms": 3000, "health_check_failure_threshold": 4}
"""When Ray takes a node for lost that gives no answer; by default after half a minute."""


@cache
def nodes() -> Any:
    """The cluster, started now if it isn't; this process is connected to it as a server would be."""
    import ray
    from ray.cluster_utils import Cluster

    from mlgym_mcp.sandbox.cluster.connection import NAMESPACE

    head = {"num_cpus": 0, "include_dashboard": False, "_system_config": SOON_MISSED}
    cluster = Cluster(initialize_head=True, head_node_args=head)
    atexit.register(cluster.shutdown)
    for number in range(WORKERS):
        cluster.add_node(num_cpus=CPUS, num_gpus=GPUS if number == WORKERS - 1 else 0, labels={"worker": f"{number}"})
    ray.init(cluster.address, namespace=NAMESPACE, log_to_driver=False, configure_logging=False)
    atexit.register(ray.shutdown)
    return cluster


def forget(data_dir: Path) -> None:
    """End the stewards of a data folder that no server will use again; by themselves they would wait for one."""
    import ray

    owner = (data_dir / "cluster-name").read_text()
    for name in ray.util.list_named_actors():
        if name.startswith(f"{owner}/steward/"):
            ray.kill(ray.get_actor(name))


def settings(data_dir: Path, cache_dir: Path, **others: Any) -> Settings:
    """The settings of a server on that cluster."""
    chosen: dict[str, Any] = {"sandbox": "ray", "ray_address": nodes().address, **others}
    return Settings(data_dir=data_dir, cache_dir=cache_dir, **chosen)
