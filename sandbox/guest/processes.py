"""Processes of the sandbox: starting them, finding their descendants, ending them."""

import os
import signal
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from oom_score import OomScore

Family = dict[int, int]
"""Process ids, each with the time at which it was started: an id alone may be given to another process later."""
NOBODY = -1
"""No process was ever started at this time."""
_oom_score = OomScore()


class Process(NamedTuple):
    parent: int
    session: int
    started: int


def spawn(argv: Sequence[str], env: dict[str, str], descriptors: dict[int, int]) -> int:
    """Start a program in a session of its own, with `descriptors` (its number → ours) and no others; its pid."""
    actions: list[tuple[int, int, int]] = [(os.POSIX_SPAWN_DUP2, ours, theirs) for theirs, ours in descriptors.items()]
    defaults = [signal.SIGINT, signal.SIGPIPE, signal.SIGXFSZ]
    with _oom_score.raised():  # what fills pipes and sockets is no larger than the guest, which would be the one to go
        return os.posix_spawn(argv[0], list(argv), env, file_actions=actions, setsid=True, setsigdef=defaults)


def signal_tree(root: int, number: int) -> Family:
    """Signal a process, its group, its session, and everything descended from it; those that were found."""
    known = _snapshot()
    found = _descended([root], known)
    try:
        # All of a group at once, even while it forks, and first: a shell that sees its child killed ends by itself.
        os.killpg(root, number)
    except OSError:
        pass
    for pid in found:
        _signal(pid, number)
    return {pid: known[pid].started for pid in found if pid in known}


def end(family: Family) -> None:
    """Kill what `signal_tree` found, and what has come from it since."""
    known = _snapshot()
    # One that has ended may have left members of its session; its id is not given away before they have ended too.
    same = [pid for pid, started in family.items() if pid not in known or known[pid].started == started]
    for pid in _descended(same, known):
        _signal(pid, signal.SIGKILL)
    sessions = {process.session for process in known.values()}
    for leader in sessions.intersection(same):
        try:
            os.killpg(leader, signal.SIGKILL)  # all at once, which no one of them outruns by forking
        except OSError:
            pass


def end_session(leader: int) -> None:
    """Kill what is left of the session of a process that has ended."""
    end({leader: NOBODY})


def living() -> list[int]:
    """The ids of all processes but the guest itself."""
    return [int(name) for name in os.listdir("/proc") if name.isdigit() and name != "1"]


def _snapshot() -> dict[int, Process]:
    found: dict[int, Process] = {}
    for pid in living():
        try:
            with open(f"/proc/{pid}/stat", "rb") as file:
                # The command's name may hold anything, a closing bracket included: the fields follow the last one.
                fields = file.read().rpartition(b")")[2].split()
        except OSError:
            continue
        found[pid] = Process(int(fields[1]), int(fields[3]), int(fields[19]))
    return found


def _descended(roots: Iterable[int], known: dict[int, Process]) -> set[int]:
    """The roots, the members of their sessions, and all that descend from these."""
    leaders = set(roots)
    children: dict[int, list[int]] = {}
    for pid, process in known.items():
        children.setdefault(process.parent, []).append(pid)
    pending = [*leaders, *(pid for pid, process in known.items() if process.session in leaders)]
    found: set[int] = set()
    while pending:
        pid = pending.pop()
        if pid not in found:
            found.add(pid)
            pending += children.get(pid, ())
    return found


def _signal(pid: int, number: int) -> None:
    try:
        os.kill(pid, number)
    except OSError:
        pass
