"""The table of attempts: each a sentence that must not come true, and the function that tries to make it true."""

import json
import os
import signal
from typing import Any, Callable, Optional

Attempt = Callable[[], Any]
ATTEMPTS: dict[str, Attempt] = {}
NEEDS: dict[str, Attempt] = {}
"""What honest programs do: each must come true."""
PATIENCE = 20
"""Seconds that one attempt may take."""


def attempt(sentence: str) -> Callable[[Attempt], Attempt]:
    """Enter a function: it raises OSError where it is refused, and returns what it got, if anything."""
    return _enter(ATTEMPTS, sentence)


def need(sentence: str) -> Callable[[Attempt], Attempt]:
    return _enter(NEEDS, sentence)


def _enter(table: dict[str, Attempt], sentence: str) -> Callable[[Attempt], Attempt]:
    def enter(function: Attempt) -> Attempt:
        assert sentence not in table, sentence
        table[sentence] = function
        return function

    return enter


def succeeds(action: Callable[..., object], *arguments: Any) -> bool:
    """Whether an action is not refused."""
    try:
        action(*arguments)
    except OSError:
        return False
    return True


def results() -> dict[str, Optional[str]]:
    """What each of both tables got; None: nothing."""
    return {sentence: _tried(function) for sentence, function in {**ATTEMPTS, **NEEDS}.items()}


def _tried(function: Attempt) -> Optional[str]:
    """What an attempt got, made by a process of its own: the kernel may kill it for it."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        signal.alarm(PATIENCE)
        os.write(writer, json.dumps(_got(function)).encode()[:60_000])
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as file:
        said = file.read()
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        return None if number == signal.SIGSYS else f"ended by signal {number}"
    return None if (got := json.loads(said)) is None else str(got)


def _got(function: Attempt) -> Optional[str]:
    try:
        got = function()
    except OSError:
        return None
    except BaseException as error:  # noqa: BLE001 -- an attempt that is broken must not pass for one that failed
        return f"broken: {error!r}"
    return repr(got)[:2000] if got else None
