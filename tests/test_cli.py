"""The command line: what it prints, and what it says when something is wrong."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from mlgym_mcp.cli import app, main
from tests.fakes import TASK, write_task


def printed(*arguments: str) -> str:
    """What a command prints that goes well."""
    ended = CliRunner().invoke(app, list(arguments), env={"COLUMNS": "200"}, catch_exceptions=False)
    assert ended.exit_code == 0, ended.output
    return ended.output


def test_tasks_are_listed_with_metric_and_best_known_score(tmp_path: Path) -> None:
    write_task(tmp_path)
    listed = printed("tasks", "list", "--domain", "toys", "--tasks-dir", str(tmp_path))
    assert listed.splitlines()[1].split() == [TASK, "Toy", "toys", "maximize", "accuracy", "1"]


def test_a_task_is_shown_by_its_brief(tmp_path: Path) -> None:
    write_task(tmp_path)
    assert "Write answer.txt." in printed("tasks", "show", TASK, "--tasks-dir", str(tmp_path))


@pytest.mark.parametrize("command", [("sessions", "list"), ("results", "list", "battle-of-the-sexes-v1")])
def test_a_new_data_folder_holds_no_records(tmp_path: Path, command: tuple[str, ...]) -> None:
    assert len(printed(*command, "--data-dir", str(tmp_path)).splitlines()) == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("tasks", "show", "battle-of-sexes-v1"), "did you mean 'battle-of-the-sexes-v1'?"),
        (("demo", "toy-v1"), "no attempt at toy-v1 is scripted; there are: battle-of-the-sexes-v1"),
    ],
)
def test_what_the_user_got_wrong_is_told_in_one_sentence(
    arguments: tuple[str, ...], said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["mlgym-mcp", *arguments])
    with pytest.raises(SystemExit) as end:
        main()
    assert end.value.code == 1
    [line] = capsys.readouterr().err.splitlines()
    assert said in line
