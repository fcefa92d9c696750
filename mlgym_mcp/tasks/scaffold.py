"""New tasks: copies of small ones that are whole, one of each kind of submission."""

import shutil
from pathlib import Path
from typing import Literal, get_args

from mlgym_mcp.errors import SetupError, TaskSpecError
from mlgym_mcp.tasks.spec import TaskSpec

Kind = Literal["data", "code", "policy", "model"]
TEMPLATES = Path(__file__).resolve().parent / "templates"
PLACEHOLDER = "my-task-v1"


def make(name: str, kind: Kind, directory: Path) -> Path:
    """Make the folder of a task, and return it.

    Raises:
        SetupError: the name is no task id, or there is something of that name already.
    """
    assert kind in get_args(Kind)
    folder = directory / name
    if folder.exists():
        raise SetupError(f"{folder} is there already; give the new task another name.")
    try:
        shutil.copytree(TEMPLATES / kind, folder, ignore=shutil.ignore_patterns("__pycache__"))
        description = folder / "task.yaml"
        description.write_text(description.read_text(encoding="utf-8").replace(PLACEHOLDER, name), encoding="utf-8")
        TaskSpec.load(folder)
    except OSError as error:
        raise SetupError(f"{folder} can't be made ({error.strerror}); name another folder with --to.") from None
    except TaskSpecError:
        shutil.rmtree(folder)
        raise SetupError(
            f"{name!r} is no task id: expected are lower-case words with hyphens and a version, as {PLACEHOLDER}."
        ) from None
    return folder
