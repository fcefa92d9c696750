"""Profiles: what a sandbox's interpreter can import, as text that pip reads.

One profile feeds both the Docker image and bubblewrap's virtual environment. `<name>-cuda` is the variant of a profile
for sandboxes with GPUs: its requirements, and those of `requirements/cuda/<name>.txt` laid over them.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from mlgym_mcp import assets
from mlgym_mcp.errors import SetupError
from mlgym_mcp.sandbox.base import ENVIRONMENT

PLAIN = "plain"
"""The profile of the bare interpreter, which needs no requirement file."""
CUDA = "-cuda"
"""How the name of a variant for GPUs ends."""


@dataclass(frozen=True, slots=True)
class Profile:
    """A name and the requirements of an environment; two with the same requirements are the same environment."""

    name: str
    requirements: str = ""
    """The text of a requirement file; empty for the bare interpreter."""

    @property
    def bare(self) -> bool:
        """Whether there is nothing to install."""
        return not self.requirements

    @property
    def cuda(self) -> bool:
        """Whether it is a variant for GPUs."""
        return self.name.endswith(CUDA)

    @property
    def python(self) -> str:
        """The interpreter's path in a sandbox of this profile."""
        return "/usr/bin/python3" if self.bare else f"{ENVIRONMENT}/bin/python3"


def load(name: str) -> Profile:
    """The shipped profile of this name.

    Raises:
        SetupError: there is none; the message lists those there are.
    """
    if name == PLAIN:
        return Profile(PLAIN)
    if name not in (there := names(cuda=True)):
        raise SetupError(f"there is no environment profile {name!r}; there are {', '.join(there)}")
    files = [_folder() / f"{name.removesuffix(CUDA)}.txt"]
    if name.endswith(CUDA):
        files.append(_folder() / "cuda" / files[0].name)
    return Profile(name, "\n".join(path.read_text(encoding="utf-8") for path in files))


def names(*, cuda: bool = False) -> list[str]:
    """The names of the shipped profiles, with `cuda` those of the variants for GPUs, too."""
    variants = [f"{path.stem}{CUDA}" for path in _folder().glob("cuda/*.txt")] if cuda else []
    return [PLAIN, *sorted([*(path.stem for path in _folder().glob("*.txt")), *variants])]


def fitting(name: str, *, gpus: int) -> str:
    """The profile, or its variant for GPUs where there are GPUs and it has one: what sandboxes are made of."""
    variant = f"{name}{CUDA}"
    return variant if gpus and variant in names(cuda=True) else name


def own_folders(kind: Literal["certs", "wheels"], cache_dir: Path | None) -> list[Path]:
    """Where this machine's own certificate authorities or wheels may lie, for builds: a checkout's, and a user's."""
    tops = [assets.folder("docker"), *([cache_dir / "docker"] if cache_dir else [])]
    return [top / kind for top in tops if (top / kind).is_dir()]


def short_hash(*parts: str | bytes) -> str:
    """Twelve hexadecimal digits that name a content; no two lists of parts run together."""
    digest = hashlib.sha256()
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        digest.update(len(data).to_bytes(8, "big") + data)
    return digest.hexdigest()[:12]


def _folder() -> Path:
    return assets.folder("docker") / "requirements"
