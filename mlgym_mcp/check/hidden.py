"""What an agent must not find in its sandbox, and the program that looks for it there as an agent would."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from mlgym_mcp.check.finding import Finding
from mlgym_mcp.sandbox.base import CommandResult
from mlgym_mcp.tasks.prepared import PreparedTask
from mlgym_mcp.tasks.spec import TaskSpec

WINDOW = 256
"""Bytes of each hidden file that are looked for."""
SHORTEST = 24
MOST_FILES = 200
"""Hidden files that are looked for; of more, evenly spread ones."""
SUBJECT = "hidden"
HIDDEN = "hidden/"
PATTERNS = "patterns-to-look-for.json"
SEARCH = """
import json, os, stat

patterns = {name: bytes.fromhex(text) for name, text in json.load(open("PATTERNS")).items()}
found = {}
SKIPPED = {"/proc", "/sys"}


def look(path):
    with open(path, "rb") as file:
        tail = b""
        while True:
            piece = file.read(1 << 24)
            if not piece:
                return
            for name, pattern in patterns.items():
                if pattern in tail + piece:
                    found.setdefault(name, path)
            tail = piece[-1024:]


for folder, folders, files in os.walk("/"):
    folders[:] = [name for name in folders if os.path.join(folder, name) not in SKIPPED]
    for path in (os.path.join(folder, name) for name in files):
        try:
            skipped = path.endswith("PATTERNS") or path.startswith(LIBRARIES)
            if stat.S_ISREG(os.lstat(path).st_mode) and not skipped:
                look(path)
        except OSError:
            pass
for pid in filter(str.isdigit, os.listdir("/proc")):
    for part in ("cmdline", "environ", "mountinfo"):
        try:
            look("/proc/%s/%s" % (pid, part))
        except OSError:
            pass
for place in ("/hidden", "/grader", "/task", "/sources"):
    if os.path.lexists(place):
        found.setdefault("the place " + place, place)
print("FOUND", json.dumps(found))
""".replace("PATTERNS", PATTERNS)
_LIBRARIES = ("/usr/lib", "/usr/bin", "/usr/sbin", "/lib", "/bin", "/env/lib")
"""Where only what the system and the environment bring lies, read-only, and too much to read each time."""


def search_program() -> str:
    """The program that prints what it found of the patterns."""
    return SEARCH.replace("LIBRARIES", repr(_LIBRARIES))


@dataclass(frozen=True, slots=True)
class Patterns:
    """What to look for, by what it is."""

    secret: dict[str, bytes]
    given: tuple[str, ...]
    """Hidden files whose bytes the agent is given anyway, as are the inputs of a test."""


def patterns_of(task: TaskSpec, prepared: PreparedTask, secret: bytes) -> Patterns:
    """What must not be found, without what public data, starter and brief hold."""
    wanted = {
        "the server's secret": secret,
        "grader.py": _window(task.grader),
        "data.py": _window(task.file("data.py")),
    }
    hidden = sorted(path for path in prepared.hidden.rglob("*") if path.is_file())
    for path in hidden[:: len(hidden) // MOST_FILES + 1]:
        wanted[f"{HIDDEN}{path.relative_to(prepared.hidden).as_posix()}"] = _window(path)
    telling = {name: pattern for name, pattern in wanted.items() if len(pattern) >= SHORTEST and len(set(pattern)) > 4}
    public = [path for path in prepared.public.rglob("*") if path.is_file()]
    known = _known(telling, [*public, *task.starter_files().values(), task.file("brief.md")])
    kept = {name: pattern for name, pattern in telling.items() if name not in known}
    return Patterns(kept, tuple(sorted(name for name in known if name.startswith(HIDDEN))))


def as_json(patterns: Patterns) -> str:
    """The patterns as the program reads them; written so, they don't find themselves."""
    return json.dumps({name: pattern.hex() for name, pattern in patterns.secret.items()})


def judged(result: CommandResult, patterns: Patterns) -> Finding:
    """What the program's output says; that everything hidden is in /data needs no search."""
    if patterns.given and not any(name.startswith(HIDDEN) for name in patterns.secret):
        return Finding(SUBJECT, False, f"{', '.join(patterns.given)}: their bytes are in /data, too; keep them back")
    shown = (result.head + result.tail).decode(errors="replace")
    lines = [line for line in shown.splitlines() if line.startswith("FOUND ")]
    if not lines:
        return Finding(SUBJECT, False, f"the search in the sandbox did not end well: {shown[-300:].strip()}")
    found = json.loads(lines[-1].removeprefix("FOUND "))
    told = "; ".join(f"{name} is in {place}" for name, place in found.items())
    return Finding(SUBJECT, not found, told or f"none of {len(patterns.secret)} patterns is in the agent's sandbox")


def _window(path: Path) -> bytes:
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size // 2 - WINDOW // 2))
        return file.read(WINDOW)


def _known(patterns: dict[str, bytes], files: Iterable[Path]) -> set[str]:
    found: set[str] = set()
    for path in files:
        for piece in _pieces(path):
            found |= {name for name, pattern in patterns.items() if name not in found and pattern in piece}
    return found


def _pieces(path: Path) -> Iterator[bytes]:
    tail = b""
    with path.open("rb") as file:
        while piece := file.read(1 << 24):
            yield tail + piece
            tail = piece[-2 * WINDOW :]
