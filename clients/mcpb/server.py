"""What a client starts of the bundle: the same as the command `mlgym-mcp`."""

from mlgym_mcp.cli import main

if __name__ == "__main__":
    main()
