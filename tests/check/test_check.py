"""`tasks check` passes what is whole, and names what is not."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from mlgym_mcp.tasks.scaffold import Kind, make
from tests.cli.terminal import ran

Change = Callable[[str], str]


def checked(root: Path, cache: Path, *options: str) -> tuple[int, dict[str, tuple[str, str]]]:
    """The exit code of `tasks check --all`, and what it says: what was looked at → verdict and detail."""
    folders = ("--tasks-dir", str(root / "tasks"), "--data-dir", str(root / "data"), "--sandbox", "bubblewrap")
    ended = ran("tasks", "check", "toy-v1", *folders, *options, MLGYM_MCP_CACHE_DIR=str(cache), COLUMNS="1000")
    found = {}
    for line in ended.output.splitlines():
        if row := re.match(r"toy-v1 +(.+?) +(ok|WRONG) +(.*)", line):
            found[row[1]] = (row[2], row[3].strip())
    assert found, (ended.output, ended.exception)
    return ended.exit_code, found


def changed(root: Path, kind: Kind, file: str, change: Change) -> None:
    """A new task of this kind, one file of which is not as it came."""
    path = make("toy-v1", kind, root / "tasks") / file
    path.write_text(change(path.read_text()))


def replacing(old: str, new: str) -> Change:
    def change(text: str) -> str:
        assert old in text
        return text.replace(old, new)

    return change


@pytest.mark.parametrize(
    ("file", "change", "subject", "said"),
    [
        ("brief.md", replacing("submission.csv", "a file"), "brief", "does not mention submission.csv"),
        ("brief.md", lambda text: "Do submission.csv.", "brief", "has 18 characters"),
        ("task.yaml", replacing("profile: plain", "profile: fancy"), "environment", "fancy"),
        ("task.yaml", replacing("kind: data", "kind: dough"), "task.yaml", "submission.kind"),
        ("data.py", replacing("def prepare", "def make"), "programs", "data.py has no function prepare"),
        ("grader.py", lambda text: "import pickle\n" + text, "programs", "grader.py imports pickle"),
        ("grader.py", lambda text: text + "(", "programs", "grader.py is not Python"),
        ("starter/predict.py", lambda text: "no python", "starter", "predict.py is not Python"),
    ],
)
def test_a_folder_that_is_not_whole_is_told_by_looking_at_it(
    tmp_path: Path, cache_dir: Path, file: str, change: Change, subject: str, said: str
) -> None:
    changed(tmp_path, "data", file, change)
    code, found = checked(tmp_path, cache_dir, "--lint-only")
    assert code == 1 and found[subject][0] == "WRONG" and said in found[subject][1]
    assert [one for one, (verdict, _) in found.items() if verdict == "WRONG"] == [subject]


def test_a_baseline_that_can_not_be_handed_in_is_told(tmp_path: Path, cache_dir: Path) -> None:
    folder = make("toy-v1", "data", tmp_path / "tasks")
    (folder / "baseline/baseline.py").rename(folder / "baseline/other.py")
    _, found = checked(tmp_path, cache_dir, "--lint-only")
    assert found["baseline"] == (
        "WRONG",
        "baseline/ neither has submission.csv nor a baseline.py that writes it; add one of them",
    )


LEAK = """    _write(out / "public/leak.csv", ("y",), [(y,) for _, y in test])
    _write(out / "hidden"""


@pytest.mark.parametrize(
    ("kind", "file", "change", "expected"),
    [
        ("code", "task.yaml", replacing("0.552", "0.652"), ("baseline's score", "stated is 0.652")),
        ("code", "baseline/strategy.py", lambda text: text + "raise ValueError('no')\n", ("baseline's score", "no")),
        ("data", "baseline/baseline.py", lambda text: "raise SystemExit(3)", ("baseline's score", "exit status 3")),
        ("data", "data.py", lambda text: text + "raise ValueError('no luck')\n", ("data", "no luck")),
        ("data", "grader.py", replacing("truth = [", "truth = [1 / 0 and "), ("baseline's score", "the log says why")),
        ("data", "data.py", replacing('    _write(out / "hidden', LEAK), ("hidden", "answers.csv: their bytes are in")),
    ],
)
def test_a_task_that_does_not_work_is_told_by_trying_it(
    tmp_path: Path, cache_dir: Path, kind: Kind, file: str, change: Change, expected: tuple[str, str]
) -> None:
    changed(tmp_path, kind, file, change)
    subject, said = expected
    code, found = checked(tmp_path, cache_dir)
    assert code == 1 and found[subject][0] == "WRONG" and said in found[subject][1], found


def test_a_tolerance_that_is_stated_is_allowed(tmp_path: Path, cache_dir: Path) -> None:
    changed(
        tmp_path,
        "code",
        "task.yaml",
        lambda text: text.replace("0.552", "0.652").replace("target:", "  tolerance: {score: 0.15}\ntarget:"),
    )
    code, found = checked(tmp_path, cache_dir)
    assert code == 0 and found["baseline's score"][0] == "ok"


def test_a_check_leaves_nothing_behind(tmp_path: Path) -> None:
    make("toy-v1", "code", tmp_path / "tasks")
    cache = tmp_path / "cache"  # its own: checks of other tests go on in theirs
    assert checked(tmp_path, cache)[0] == 0
    assert not (tmp_path / "data").exists()
    assert not list(cache.glob("check-*"))
