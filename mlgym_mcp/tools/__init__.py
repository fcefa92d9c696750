"""The MCP edge: arguments in, text out, no decisions."""
