"""A submission that is code, as the contestant has it."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Callable

from wire import Array, Header

Answer = tuple[Header, Sequence[Array]]


class Submission:
    """The submission's folder, the functions taken from it, and what its code made to be used again."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder = folder
        self.seed = seed
        """For whatever it draws; not the seed of play."""
        self.kept: dict[str, Any] = {}
        """What an operation keeps between two questions, by the operation's name."""
        self._functions: dict[tuple[str, str], Callable[..., Any]] = {}

    def function(self, file: str, name: str) -> Callable[..., Any]:
        """The function `name` of the module in `file`, imported once."""
        if (file, name) not in self._functions:
            function = getattr(importlib.import_module(Path(file).stem), name, None)
            if not callable(function):
                raise AttributeError(f"{file} has no function {name}")
            self._functions[file, name] = function
        return self._functions[file, name]
