"""Processes of the sandbox: starting them, finding their descendants, ending them."""

import os
import signal
from typing import Dict, List, Sequence, Set, Tuple

FileAction = Tuple[int, ...]


def spawn(argv: Sequence[str], env: Dict[str, str], descriptors: Dict[int, int]) -> int:
    """Start a program in a session of its own, with `descriptors` (its number → ours) and no others; its pid."""
    actions: List[Tuple[int, int, int]] = [(os.POSIX_SPAWN_DUP2, ours, theirs) for theirs, ours in descriptors.items()]
    return os.posix_spawn(
        argv[0], list(argv), env, file_actions=actions, setsid=True, setsigdef=[signal.SIGINT, signal.SIGPIPE, signal.SIGXFSZ]
    )


def signal_tree(root: int, number: int) -> None:
    """Signal a process, its group, its session, and everything descended from it."""
    for pid in _tree(root):
        _signal(pid, number)
    try:
        os.killpg(root, number)
    except OSError:
        pass


def living() -> List[int]:
    """The ids of all processes but the guest itself."""
    return [int(name) for name in os.listdir("/proc") if name.isdigit() and name != "1"]


def _tree(root: int) -> Set[int]:
    parents: Dict[int, int] = {}
    found = {root}
    for pid in living():
        try:
            with open(f"/proc/{pid}/stat", "rb") as file:
                # The command's name may hold anything, a closing bracket included: the fields follow the last one.
                fields = file.read().rpartition(b")")[2].split()
        except OSError:
            continue
        parents[pid] = int(fields[1])
        if int(fields[3]) == root:
            found.add(pid)
    size = 0
    while size != len(found):
        size = len(found)
        found.update(pid for pid, parent in parents.items() if parent in found)
    return found


def _signal(pid: int, number: int) -> None:
    try:
        os.kill(pid, number)
    except OSError:
        pass
