"""Agents that are programs of others, started as their users start them, with a session's tools as their only hands."""
