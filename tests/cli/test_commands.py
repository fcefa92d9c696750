"""The command line: what it prints, and what it says when something is wrong."""

from pathlib import Path

import pytest

from mlgym_mcp.cli import main
from tests.cli.terminal import printed
from tests.fakes import TASK, write_task


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


def test_a_task_that_is_not_well_formed_does_not_keep_the_others_from_being_listed(tmp_path: Path) -> None:
    write_task(tmp_path)
    write_task(tmp_path, id="broken-v1", title=None)
    listed = printed("tasks", "list", "--domain", "toys", "--tasks-dir", str(tmp_path))
    assert TASK in listed.split()


def test_data_is_listed_of_every_folder_of_tasks_where_no_sandbox_can_be_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_task(tmp_path / "tasks")
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/absent.sock")
    monkeypatch.setenv("PATH", str(tmp_path))
    folders = ("--tasks-dir", str(tmp_path / "tasks"), "--data-dir", str(tmp_path / "data"))
    toys = [line.split() for line in printed("data", "list", *folders).splitlines() if TASK in line]
    assert toys == [[TASK, flavour, "not", "prepared"] for flavour in ("full", "sample")]


def test_data_of_a_further_task_is_prepared_and_then_listed(tmp_path: Path) -> None:
    (write_task(tmp_path / "tasks") / "data.py").write_text("def prepare(*_): pass\n")
    folders = ("--tasks-dir", str(tmp_path / "tasks"), "--data-dir", str(tmp_path / "data"))
    made = printed("data", "prepare", TASK, "--flavour", "sample", "--sandbox", "bubblewrap", *folders)
    [place] = (tmp_path / "data/prepared" / TASK).glob("sample-*/")
    assert str(place) in made.replace("\n", "")
    assert str(place) in printed("data", "list", *folders)


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
