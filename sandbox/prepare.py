"""Makes one task's data with its data.py, in a sandbox without network.

    python3 -I /run/guest/prepare.py FLAVOUR SEED [--root DIR]

Calls prepare(flavour, sources, out, seed) of task/data.py, with sources/ to read and workspace/out to write public/
and hidden/ in, and prints what was written as a JSON list of {"path", "size"}.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import sys
from pathlib import Path
from typing import Any, Callable

Prepare = Callable[[str, Path, Path, int], None]


def _load_prepare(path: Path) -> Prepare:
    spec = importlib.util.spec_from_file_location("data", path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules["data"] = module  # where dataclasses look for their own module
    sys.path.insert(0, str(path.parent))
    spec.loader.exec_module(module)
    prepare: Prepare = module.prepare
    return prepare


def written(out: Path) -> list[dict[str, Any]]:
    """The regular files below `out`, by path."""
    files = sorted(path for path in out.rglob("*") if path.is_file() and not path.is_symlink())
    return [{"path": path.relative_to(out).as_posix(), "size": path.stat().st_size} for path in files]


def main() -> None:
    """Prepare and report; what data.py prints goes to stderr."""
    parser = argparse.ArgumentParser(description="Makes one task's data.")
    parser.add_argument("flavour", choices=["full", "sample"])
    parser.add_argument("seed", type=int)
    parser.add_argument("--root", type=Path, default=Path("/"), help="in place of /")
    arguments = parser.parse_args()
    root: Path = arguments.root
    report = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    out = root / "workspace/out"
    for folder in ("public", "hidden"):
        (out / folder).mkdir(parents=True)
    _load_prepare(root / "task/data.py")(arguments.flavour, root / "sources", out, arguments.seed)
    with report:
        json.dump(written(out), report)


if __name__ == "__main__":
    main()
