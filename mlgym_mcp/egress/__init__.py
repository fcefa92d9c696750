"""The way out of sandboxes: one proxy for all of a server's, which lets each reach what its task names, and logs it."""

from mlgym_mcp.egress.egress import Egress

__all__ = ["Egress"]
