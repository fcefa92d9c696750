"""A look at the cluster, for `mlgym-mcp doctor`."""

from mlgym_mcp.errors import BackendUnavailable, SandboxError
from mlgym_mcp.sandbox.cluster.connection import open_cluster
from mlgym_mcp.sandbox.cluster.directory import nodes
from mlgym_mcp.sandbox.probes import Finding

SUBJECT = "ray"
ADD_NODES = "ray start --address=HEAD on other machines"


async def probe(address: str) -> Finding:
    """Whether a cluster answers at an address, and what its nodes have."""
    try:
        async with open_cluster(address):
            there = await nodes()
    except BackendUnavailable as error:
        return Finding(SUBJECT, False, error.detail, error.fix)
    except SandboxError as error:
        return Finding(SUBJECT, False, str(error))
    if not there:
        return Finding(SUBJECT, False, "no node of the cluster has CPUs to give", ADD_NODES)
    cpus, gpus = (sum(node.resources.get(kind, 0) for node in there) for kind in ("CPU", "GPU"))
    return Finding(SUBJECT, True, f"Ray gives out {cpus:g} CPUs and {gpus:g} GPUs, on nodes: {len(there)}")
