"""What somebody sees who types no command: what this is, what was found here, and how to go on."""

from mlgym_mcp import __version__
from mlgym_mcp.cli.console import run, show
from mlgym_mcp.cli.next_step import as_typed, next_step
from mlgym_mcp.cli.options import chosen

WHAT = f"""\
mlgym-mcp {__version__}: AI-research tasks for any agent that speaks MCP, worked at in sandboxes and scored.

  mlgym-mcp demo                          watch a scripted agent attempt two tasks
  mlgym-mcp connect claude-code --write   connect a client; or claude-desktop, codex, cursor, gemini, vscode
  mlgym-mcp serve --http                  serve clients over HTTP
"""
CONTAINER = """
In a container, with the sandboxes beside it on the same engine; docker/compose.yaml does it all:

  docker run --publish 127.0.0.1:8765:8765 --env MLGYM_MCP_TOKEN=… \\
    --volume /var/run/docker.sock:/var/run/docker.sock \\
    --volume /srv/mlgym-mcp:/srv/mlgym-mcp --env MLGYM_MCP_DATA_DIR=/srv/mlgym-mcp/data \\
    --env MLGYM_MCP_CACHE_DIR=/srv/mlgym-mcp/cache IMAGE serve --http
"""


def welcome() -> None:
    """Show it."""
    from mlgym_mcp import doctor
    from mlgym_mcp.sandbox import machine

    settings = chosen()
    found = run(lambda: doctor.sandboxes(settings))
    contained = machine.in_container() and not doctor.able(found)
    show(WHAT + (CONTAINER if contained else ""))
    show("Found here:")
    for one in found:
        mend = f" (to mend it: {as_typed(one.fix)})" if one.fix and not contained else ""
        show(f"  {'✓' if one.ok else '✗'} {one.subject}: {one.detail}{mend}")
    show(f"\nAll there is: mlgym-mcp doctor. All commands: mlgym-mcp --help\n{next_step(found, settings)}")
