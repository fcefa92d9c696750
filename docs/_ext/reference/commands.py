"""The command line."""

import inspect
from collections.abc import Iterator
from typing import Any

import typer

from mlgym_mcp.cli import app
from reference.markdown import code, sections, table

NAME = "mlgym-mcp"


def written() -> str:
    """Every command, with its arguments and options."""
    return sections(_described(typer.main.get_command(app), NAME))


def _described(command: Any, name: str, parent: Any = None) -> Iterator[str]:
    context = command.make_context(name.rpartition(" ")[2], [], parent=parent, resilient_parsing=True)
    subcommands = getattr(command, "commands", {})
    if parent is not None:
        yield f"{'#' * (len(name.split()))} {name}"
        yield inspect.cleandoc(command.help or "")
        if not subcommands:
            yield f"```text\n{name} {' '.join(command.collect_usage_pieces(context))}\n```"
    records = [record for one in command.params if (record := one.get_help_record(context)) is not None]
    yield table(("argument or option", "meaning"), [(code(word), _meaning(text)) for word, text in records])
    for subname, subcommand in subcommands.items():
        yield from _described(subcommand, f"{name} {subname}", context)


def _meaning(text: str) -> str:
    """What is in brackets at the end (a default, or that it is required) is no link."""
    return text.replace("[", "(").replace("]", ")")
