"""Tells what a sandbox's environment is, as one line of JSON.

    python3 -I /run/guest/packages.py

That is its Python, whose programs run as, each package with its version, what of them can't be imported and why, and
whether a build for CUDA is among them.
"""

from __future__ import annotations

import importlib
import json
import os
import platform
import sys
from collections.abc import Iterator
from importlib.metadata import Distribution, distributions


def modules_of(distribution: Distribution) -> Iterator[str]:
    """The modules and packages that it puts on the path, without those that are private or only a namespace."""
    for file in distribution.files or ():
        name = file.parts[0] if file.parts[1:] == ("__init__.py",) else file.name.split(".")[0]
        is_top = len(file.parts) == 1 and file.suffix in (".py", ".so")
        if (is_top or file.name == "__init__.py") and len(file.parts) <= 2 and not name.startswith("_"):
            yield name


def failure(module: str) -> str | None:
    """What importing a module comes to; None when nothing is wrong."""
    try:
        importlib.import_module(module)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is told
        return f"{type(error).__name__}: {error}"
    return None


def has_cuda() -> bool:
    """Whether what was imported is built for CUDA."""
    torch = sys.modules.get("torch")
    return bool(torch and torch.version.cuda) or any(name.startswith("jax_cuda") for name in sys.modules)


def main() -> None:
    """Look, and tell."""
    found = list(distributions())
    failures = {name: failure(name) for distribution in found for name in sorted({*modules_of(distribution)})}
    told = {
        "python": platform.python_version(),
        "uid": os.getuid(),
        "packages": {distribution.metadata["Name"]: distribution.version for distribution in found},
        "failures": {name: why for name, why in failures.items() if why},
        "cuda": has_cuda(),
    }
    sys.stdout.write(f"{json.dumps(told)}\n")


if __name__ == "__main__":
    main()
