"""A page that says what is not so is found out."""

from pathlib import Path

import pytest

from tests.docs.pages import Block
from tests.docs.story import Shown, story_of


@pytest.mark.parametrize(
    ("shown", "printed", "so"),
    [
        ("score 1.43 ± 0.002 (baseline 1.021)", "score 0.9 ± 0.01 (baseline 1.021)\n", True),
        ("one\n…\nlast", "one\ntwo\nthree\nlast\n", True),
        ("score  1.43", "score\n1.43", True),
        ("score 1.43", "reward 1.43", False),
        ("one\n…\nlast", "one\ntwo\n", False),
    ],
)
def test_what_is_shown_is_what_came_but_for_numbers_gaps_and_dots(
    tmp_path: Path, shown: str, printed: str, so: bool
) -> None:
    (tmp_path / "0").write_text(printed)
    assert Shown("page:1", shown, tmp_path / "0").came() is so


def test_a_dialogue_is_taken_apart_into_commands_and_what_they_print(tmp_path: Path) -> None:
    story = story_of([Block("page", 1, "console", "$ one\nits answer\n$ two \\\n> on a second line\n")], tmp_path)
    assert [shown.text for shown in story.shown] == ["its answer\n", ""]
    assert "two \\\non a second line" in story.script


def test_a_server_goes_on_in_the_background_without_the_remark_beside_it(tmp_path: Path) -> None:
    story = story_of([Block("page", 1, "sh", "A=1 mlgym-mcp serve --http   # and then\ncurl there\n")], tmp_path)
    assert "begin env A=1 mlgym-mcp serve --http" in story.script and "# and then" not in story.script
