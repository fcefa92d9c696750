"""An edit as the agent asks for it, under the argument names of the well-known text-editor tool."""

from dataclasses import dataclass
from typing import Literal

EditCommand = Literal["view", "create", "str_replace", "insert"]


@dataclass(frozen=True, slots=True)
class EditRequest:
    """One `edit` call. Lines count from 1; `view_range` is (first, last), and last -1 means to the end."""

    command: EditCommand
    path: str
    file_text: str | None = None
    old_str: str | None = None
    new_str: str | None = None
    insert_line: int | None = None
    view_range: tuple[int, int] | None = None
