"""A server that stands on fakes and outlives many examples, and what calls of its tools may be made of."""

from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from typing import Any, TypeVar

from anyio.from_thread import start_blocking_portal
from hypothesis import strategies as st

from tests.fakes import TASK
from tests.fuzz.strategies import json_values, scalars, texts

T = TypeVar("T")
GROUPS = ("checkpoints", "evaluation", "memory", "literature")
URIS = (
    *("mlgym://tasks", f"mlgym://tasks/{TASK}", f"mlgym://tasks/{TASK}/files/brief.md", "mlgym://leaderboard/x"),
    *("mlgym://tasks/..", f"mlgym://tasks/{TASK}/files/../../task.yaml", "mlgym://sessions/%00", "mlgym://sessions/"),
    *("file:///etc/passwd", "mlgym:", "mlgym://[", "http://a b", "mlgym://tasks/{id}", "mlgym://tasks/%ff"),
)
PLAUSIBLE: dict[str, list[Any]] = {
    "task": [TASK],
    "path": ["answer.txt", "/workspace", "a/b", "/data", "/proc/self/mem"],
    "command": ["echo hello", "view", "create", "insert", "str_replace", "cat", "\n"],
    "job": ["j1", "j2"],
    "action": ["kill", "input", "wait"],
    "checkpoint": ["c1", "c2"],
    "view_range": [[1, 2], [2, 1], [0], [10**30, -(10**30)], "[1, 2]"],
    "insert_line": [0, 1, -1, 10**30],
    "wait_s": [0, 0.01, "0"],
    "uri": list(URIS),
    "paper": ["ARXIV:1706.03762", "https://127.0.0.1/x.pdf", "http://[::1", "https://a:99999/"],
    "tags": [["a"], ["\ud800"], ["x" * 5000] * 50],
    "limit": [1, 20, 21],
}


@contextmanager
def opened(context: "AbstractAsyncContextManager[T]") -> Iterator[tuple[Any, T]]:
    """Something asynchronous, open in a thread of its own, and the portal through which to use it."""
    with start_blocking_portal() as portal, portal.wrap_async_context_manager(context) as thing:
        yield portal, thing


def arguments(tool: str, names: list[str], sessions: list[str]) -> st.SearchStrategy[dict[str, Any]]:
    """What a call of a tool may bring: what it needs, something else, nothing, and what it has no name for."""
    known = {**PLAUSIBLE, "session": [*sessions, "", "*"]}
    offered = {name: st.sampled_from(known[name]) if name in known else texts for name in names}
    values = {name: one | one | one | scalars | json_values for name, one in offered.items()}
    whole = st.fixed_dictionaries({}, optional={**values, "no_such_argument": json_values, "request": texts})
    needed = {name: value for name, value in values.items() if name not in ("session", "wait_s")}
    # `wait` would take the time that it is given, and `submit` the session.
    patient = {"wait_s": st.sampled_from([0, 0.01, -1, "x", None])} if "wait_s" in names else {}
    return st.one_of(whole, st.fixed_dictionaries(needed, optional={"session": values.get("session", texts)})).flatmap(
        lambda made: st.fixed_dictionaries(patient).map(lambda waits: {**made, **waits})
    )
