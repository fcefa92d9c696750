"""Trajectories as data: read, written in others' formats, and made again."""
