"""Literature: papers, searched for and read on the host, for sessions whose sandboxes have no network."""

from mlgym_mcp.literature.library import Library

__all__ = ["Library"]
