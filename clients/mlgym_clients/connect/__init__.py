"""Configurations of clients: our server written down as each of them reads it, beside what is there."""
