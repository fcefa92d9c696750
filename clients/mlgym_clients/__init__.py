"""Clients of mlgym-mcp: they speak MCP to the server and import nothing of it."""
