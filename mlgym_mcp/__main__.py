"""`python -m mlgym_mcp`: the same as the command `mlgym-mcp`."""

import sys

if sys.version_info < (3, 11):  # noqa: UP036 - told before an import that an older Python can't make
    sys.exit(
        f"mlgym-mcp: this is Python {sys.version_info[0]}.{sys.version_info[1]}, but 3.11 or newer is needed; with uv, "
        "which brings one: uvx mlgym-mcp"
    )

from mlgym_mcp.cli import main

if __name__ == "__main__":
    main()
