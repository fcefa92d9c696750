"""Agents: what attempts a task with the tools of one session."""
