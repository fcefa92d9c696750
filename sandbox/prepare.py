"""Makes one task's data with its data.py, in a sandbox without network.

    python3 -I /run/guest/prepare.py FLAVOUR SEED [--root DIR]

Calls prepare(flavour, sources, out, seed) of task/data.py, with sources/ to read and workspace/out to write public/
and hidden/ in. What data.py prints goes to stderr, whose end the host tells when it failed.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import sys
from pathlib import Path
from typing import Callable

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


def main() -> None:
    """Prepare once."""
    parser = argparse.ArgumentParser(description="Makes one task's data.")
    parser.add_argument("flavour", choices=["full", "sample"])
    parser.add_argument("seed", type=int)
    parser.add_argument("--root", type=Path, default=Path("/"), help="in place of /")
    arguments = parser.parse_args()
    root: Path = arguments.root
    os.dup(1)  # stays open to the very end: the host takes the end of output for the end of the work
    os.dup2(2, 1)
    out = root / "workspace/out"
    for folder in ("public", "hidden"):
        (out / folder).mkdir(parents=True)
    _load_prepare(root / "task/data.py")(arguments.flavour, root / "sources", out, arguments.seed)


if __name__ == "__main__":
    main()
