"""Sandboxes on a Ray cluster.

A session's place is a placement group, which reserves CPUs, memory and GPUs on one node (`places`). Each sandbox is a
detached actor (`host`) on that node, which opens the node's ordinary backend and relays the stream to its guest. One
more actor a node (`steward`) keeps what sandboxes there mount and what they have left. Of the server's files nothing
need be visible on nodes: folders travel through Ray's object store (`wares`).

Only this package imports Ray, and each module when it is first used: it comes with an extra.
"""

from mlgym_mcp.sandbox.cluster.backend import ClusterBackend
from mlgym_mcp.sandbox.cluster.connection import open_cluster
from mlgym_mcp.sandbox.cluster.probing import probe

__all__ = ["ClusterBackend", "open_cluster", "probe"]
