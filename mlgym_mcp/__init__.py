"""An async Model Context Protocol server that exposes AI-research tasks in sandboxes, and scores them."""

__version__ = "0.1.0"
