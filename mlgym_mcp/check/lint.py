"""What can be told of a task from its folder alone."""

import ast
from collections.abc import Iterator
from pathlib import Path

from mlgym_mcp.check.finding import Finding
from mlgym_mcp.errors import SetupError
from mlgym_mcp.sandbox import profiles
from mlgym_mcp.tasks.spec import TaskSpec

SHORTEST_BRIEF = 200
"""Characters."""
PROGRAMS = {"data.py": "prepare", "grader.py": "grade"}
BASELINE_PROGRAM = "baseline.py"
_UNSAFE = {"pickle", "cloudpickle", "dill", "joblib", "shelve", "marshal"}


def lint(task: TaskSpec) -> Iterator[Finding]:
    """Look at the task's folder; its task.yaml was read already, so that one is well-formed."""
    yield Finding("task.yaml", True, f"{len(task.files())} files, SHA-256 {task.content_hash[:12]}…")
    yield _finding("brief", _brief(task), "names what to hand in, and /data where there is something")
    yield _finding("environment", _environment(task), task.environment.profile)
    yield _finding("programs", _programs(task), "data.py has prepare, grader.py has grade")
    yield _finding("starter", _starter(task), f"{len(task.starter_files())} files")
    yield _finding("baseline", _baseline(task), f"{len(task.baseline_files())} files")


def _finding(subject: str, problems: Iterator[str], seen: str) -> Finding:
    found = list(problems)
    return Finding(subject, not found, "; ".join(found) or seen)


def _brief(task: TaskSpec) -> Iterator[str]:
    if len(task.brief) < SHORTEST_BRIEF:
        yield f"brief.md has {len(task.brief)} characters; say what is given, what to hand in and how it is measured"
    for name in task.submission.files:
        if name.rstrip("/") not in task.brief:
            yield f"brief.md does not mention {name}, which is handed in; name it"


def _environment(task: TaskSpec) -> Iterator[str]:
    try:
        profiles.load(task.environment.profile)
    except SetupError as error:
        yield str(error)


def _programs(task: TaskSpec) -> Iterator[str]:
    for name, function in PROGRAMS.items():
        try:
            tree = ast.parse(task.file(name).read_bytes(), name)
        except (SyntaxError, ValueError) as error:
            yield f"{name} is not Python: {error}"
            continue
        if function not in _functions(tree):
            yield f"{name} has no function {function}; define it"
    yield from _unsafe_imports(task.grader)


def _functions(tree: ast.Module) -> set[str]:
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def _unsafe_imports(grader: Path) -> Iterator[str]:
    try:
        tree = ast.parse(grader.read_bytes())
    except (SyntaxError, ValueError):
        return  # told already
    for node in ast.walk(tree):
        names = [name.name for name in node.names] if isinstance(node, ast.Import) else []
        names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        for name in names:
            if name.split(".")[0] in _UNSAFE:
                yield f"grader.py imports {name}, which would run what a submission holds; read plain data instead"


def _starter(task: TaskSpec) -> Iterator[str]:
    if task.starter:
        yield from _laid(task.starter_files(), "starter")


def _laid(files: dict[str, Path], folder: str) -> Iterator[str]:
    if not files:
        yield f"{folder}/ has no files; put in what is there at first"
    for place, path in files.items():
        if path.suffix == ".py":
            try:
                ast.parse(path.read_bytes(), place)
            except (SyntaxError, ValueError) as error:
                yield f"{folder}/{place} is not Python: {error}"


def _baseline(task: TaskSpec) -> Iterator[str]:
    files = task.baseline_files()
    yield from _laid(files, "baseline")
    laid = set(files) | set(task.starter_files())
    for name in task.submission.files:
        there = any(place == name or place.startswith(f"{name.rstrip('/')}/") for place in laid)
        if not there and BASELINE_PROGRAM not in files:
            yield f"baseline/ neither has {name} nor a {BASELINE_PROGRAM} that writes it; add one of them"
    for place, path in files.items():
        try:
            path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            yield f"baseline/{place} is no text in UTF-8; have a {BASELINE_PROGRAM} write it"
