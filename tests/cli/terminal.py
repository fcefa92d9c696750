"""The command line, as a person at a terminal has it."""

from pathlib import Path

from typer.testing import CliRunner, Result

from mlgym_mcp.cli import app


def ran(*arguments: str, **environ: str) -> Result:
    """What a command comes to, well or not."""
    return CliRunner().invoke(app, list(arguments), env={"COLUMNS": "200", **environ}, prog_name="mlgym-mcp")


def printed(*arguments: str, **environ: str) -> str:
    """What a command prints that goes well."""
    ended = ran(*arguments, **environ)
    assert ended.exit_code == 0, (ended.output, ended.exception)
    return ended.stdout


def refused(*arguments: str, **environ: str) -> str:
    """In what sentence a command refuses."""
    ended = ran(*arguments, **environ)
    assert ended.exit_code == 1 and ended.exception is not None, ended.output
    return str(ended.exception)


def folders(root: Path) -> tuple[str, ...]:
    """Options that name the folders of a test's tasks and data."""
    (root / "tasks").mkdir(exist_ok=True)
    return ("--tasks-dir", str(root / "tasks"), "--data-dir", str(root / "data"))
