"""Pruning: what the data and the cache folder hold that nobody needs, and its removal beside running servers."""

from mlgym_mcp.pruning.choice import FLOOR, Bounds
from mlgym_mcp.pruning.inventory import Extent, Inventory
from mlgym_mcp.pruning.removal import Report, prune
from mlgym_mcp.pruning.thing import KINDS, Thing

__all__ = ["FLOOR", "KINDS", "Bounds", "Extent", "Inventory", "Report", "Thing", "prune"]
