"""Reports of runs: one page, plots, and tables that programs read."""
