"""Once: what is asked for under a key is done once, and answered alike however often it is asked for."""

from typing import Any, Callable

Answer = tuple[dict[str, Any], bytes]

MAX_REMEMBERED = 100
"""Answers. Who asks again does so at once, when a stream or a server is lost; later the server remembers."""


class Once:
    """The latest keys, and what came of them."""

    def __init__(self) -> None:
        self._answers: dict[str, Answer] = {}

    def do(self, key: str, act: Callable[[], Answer]) -> Answer:
        """Act, unless the key is known; the empty key never is. What was refused may be asked for again."""
        if key in self._answers:
            return self._answers[key]
        answer = act()
        if key:
            self._answers[key] = answer
            if len(self._answers) > MAX_REMEMBERED:
                del self._answers[next(iter(self._answers))]
        return answer
