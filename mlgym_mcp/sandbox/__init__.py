"""Sandboxes: isolated places that run commands and keep files."""
