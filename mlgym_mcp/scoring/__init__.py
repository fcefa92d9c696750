"""Scoring: what an artefact is worth, decided where the agent never was."""
