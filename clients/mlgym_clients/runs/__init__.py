"""Runs: many attempts of many agents at many tasks, and nothing of them lost."""
