"""The HTTP side of the server, beyond MCP itself."""
