"""Tasks: what a task folder says, and the catalogue of them."""
