"""What operators and authors write: task.yaml, settings. It is read, or refused in a sentence."""

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from mlgym_mcp.errors import SetupError, TaskSpecError
from mlgym_mcp.settings import Settings
from mlgym_mcp.tasks.catalog import Catalog
from mlgym_mcp.tasks.spec import TaskSpec
from tests.fuzz.strategies import json_values, spoilt, texts, words
from tests.tasks.test_spec import MINIMAL

LONGEST = 4000
"""Characters of an explanation, whatever it explains."""
BOMB = "a: &a [x,x,x,x,x,x,x,x]\n" + "".join(
    f"{b}: &{b} [{', '.join([f'*{a}'] * 8)}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True)
)
"""Eight to the ninth power of nothing, should anybody write it out."""


def load_task(text: bytes) -> None:
    """Read a task of this description, as it is read to be offered and to be used."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "toy-v1"
        folder.mkdir()
        for name, content in {"task.yaml": text, "brief.md": b"Brief.", "data.py": b"", "grader.py": b""}.items():
            (folder / name).write_bytes(content)
        try:
            TaskSpec.load(folder)
        except TaskSpecError as error:
            assert str(folder) in str(error) and len(str(error)) < LONGEST
        Catalog([Path(place)]).broken()


def with_field(path: str, value: object) -> dict[str, Any]:
    """The minimal task with another value in one place, such as `budget.steps`."""
    whole, *rest = path.split(".")
    return {**MINIMAL, whole: {**MINIMAL.get(whole, {}), rest[0]: value} if rest else value}


FIELDS = ("id", "title", "extends", "starter", "sources", "metrics", "baselines", "target", "published", "scoring", "x")
PARTS = ("resources.memory", "resources.network", "budget.steps", "submission.files", "baselines.full", "target.value")
TASK = yaml.safe_dump(MINIMAL).encode()


@given(spoilt(TASK) | st.binary(max_size=200) | words.map(str.encode))
@example(BOMB.encode())
@example(TASK + b"published: &a [*a]\n")
@example(TASK + b"published: &a {x: *a}\n")
@example(TASK + b"published: " + b"[" * 100_000)
@example(TASK + b"published: " + b"9" * 5000)
@example(TASK + b"published: 0x" + b"f" * 5000)
@example(TASK + b"published: 2001-99-99\n")
@example(TASK + b"? [a, {b: c}]\n: d\n")
@example(TASK + b"published: !!python/object/apply:os.system [true]\n")
@example(TASK + b"published: !!binary '!'\n")
@example(TASK + b"published: !!float x\n")
@example(TASK + b"<<: 3\n")
@example(b"- a\n- b\n")
@example(b"\xef\xbb\xbf" + TASK)
@example(b"extends: " + b"n" * 300 + b"\n")
@example(b'extends: "\\0"\n')
@example(TASK.replace(b"1GiB", b"9" * 400 + b"GiB"))
@example(TASK + b"starter: [" + b"s" * 300 + b"]\n")
@example(TASK + b"extends: {a: &a [x], b: *a}\n")
@example(BOMB.encode() + b"extends: *i\n")
@example(TASK + BOMB.encode() + b"\n")
def test_a_task_is_read_or_refused_whatever_its_file_holds(text: bytes) -> None:
    load_task(text)


@given(st.sampled_from(FIELDS + PARTS), json_values)
def test_a_task_is_read_or_refused_whatever_a_field_holds(field: str, value: object) -> None:
    load_task(yaml.safe_dump(with_field(field, value)).encode("utf-8", "replace"))


def read_settings(read: Callable[[], Settings]) -> None:
    """Read settings, or have them refused in a sentence that tells no secret."""
    try:
        read()
    except SetupError as error:
        assert str(error).endswith(".") and len(str(error)) < LONGEST
        assert "token" not in str(error) or "secret-of-mine" not in str(error)


NAMES = st.sampled_from([*Settings.model_fields, "config", "self", "", "no_such"]).map(
    lambda name: f"MLGYM_MCP_{name}".upper()
)
SETTINGS = b'port = 80\ntasks_dirs = ["/a"]\nmax_memory = "4GiB"\ntoken = "secret-of-mine"\n[log]\nlevel = 1979-05-27\n'


@given(st.dictionaries(NAMES, texts, max_size=3))
@example({"MLGYM_MCP_MAX_MEMORY": "9" * 400 + "GiB"})
@example({"MLGYM_MCP_CONFIG": "\0"})
@example({"MLGYM_MCP_CONFIG": "x" * 70_000})
@example({"MLGYM_MCP_CONFIG": "~nobody-at-all/x"})
@example({"MLGYM_MCP_DATA_DIR": "~nobody-at-all/x"})
@example({"MLGYM_MCP_TOKEN": "secret-of-mine"})
@example({"MLGYM_MCP_TOKEN": "secret-of-mine with a space"})
@example({"MLGYM_MCP_PORT": "9" * 5000})
@example({"MLGYM_MCP_TASKS_DIRS": "~nobody-at-all/x"})
def test_an_environment_is_read_or_refused(environ: dict[str, str]) -> None:
    read_settings(lambda: Settings.load(environ={"MLGYM_MCP_CONFIG": "/dev/null", **environ}))


@given(spoilt(SETTINGS) | st.binary(max_size=100))
@example(b"port = " + b"9" * 5000)
@example(b"x = " + b"[" * 100_000)
@example(b"port = nan")
@example(b"wait_s = inf")
@example(b"token = 3")
@example(b'token = ["secret-of-mine"]')
@example(b"max_memory = {a = 1}")
def test_a_config_file_is_read_or_refused(content: bytes) -> None:
    with tempfile.NamedTemporaryFile() as file:
        file.write(content)
        file.flush()
        read_settings(lambda: Settings.load(environ={"MLGYM_MCP_CONFIG": file.name}))


@given(st.dictionaries(st.sampled_from([*Settings.model_fields, "no_such"]), json_values, max_size=3))
def test_a_command_line_is_read_or_refused(overrides: dict[str, object]) -> None:
    read_settings(lambda: Settings.load(overrides, environ={"MLGYM_MCP_CONFIG": "/dev/null"}))
