"""Inspections: whether an image is what its profile says, seen from inside a sandbox made of it."""

import json
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import anyio
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from mlgym_mcp.errors import SetupError
from mlgym_mcp.sandbox.base import GIB, RUNTIME, Backend, Limits, SandboxSpec
from mlgym_mcp.sandbox.images import Image, Images
from mlgym_mcp.sandbox.lifecycle import open_sandbox
from mlgym_mcp.sandbox.profiles import Profile

TIME_LIMIT = 300.0
"""Seconds within which everything must have been imported; what holds CUDA is gigabytes."""
END_GRACE = 10.0
"""Seconds that the program may take to be gone once its output has ended."""


@dataclass(frozen=True, slots=True)
class Inspection:
    """What was found in one image."""

    profile: str
    image: Image
    python: str
    packages: int
    cuda: bool
    """Whether what is installed is built for CUDA; may be so in a profile that does not ask for it."""
    faults: tuple[str, ...]
    """What is wrong with it, and what mends it."""


async def inspect(profile: Profile, images: Images, backend: Backend, sandbox_id: str) -> Inspection:
    """Look into the image of a profile.

    Raises:
        SetupError: it is not built, or what it holds can't be told.
        SandboxStartError: no sandbox could be made of it.
    """
    tag = images.tag(profile)
    if (image := await images.find(profile)) is None:
        raise SetupError(f"there is no image {tag}; build it: mlgym-mcp images build {profile.name}")
    told = await _ask(profile, backend, sandbox_id)
    faults = list(_faults(profile, image, told))
    if faults:
        faults.append(f"build it anew: docker image rm {tag} && mlgym-mcp images build {profile.name}")
    return Inspection(
        profile=profile.name,
        image=image,
        python=told["python"],
        packages=len(told["packages"]),
        cuda=told["cuda"],
        faults=tuple(faults),
    )


async def _ask(profile: Profile, backend: Backend, sandbox_id: str) -> dict[str, Any]:
    """What `sandbox/packages.py` tells."""
    spec = SandboxSpec(
        id=sandbox_id,
        token=secrets.token_urlsafe(16),
        profile=profile.name,
        limits=Limits(memory=4 * GIB),
        lifetime=2 * TIME_LIMIT,
        orphan_grace=60.0,
    )
    said, end = b"", None
    try:
        async with open_sandbox(backend, spec) as guest:
            program = await guest.spawn([profile.python, "-I", f"{RUNTIME}/packages.py"])
            with anyio.fail_after(TIME_LIMIT):
                while piece := await program.receive():
                    said += piece
                end = await program.close(grace=END_GRACE)
        told: dict[str, Any] = json.loads(said.splitlines()[-1])
    except TimeoutError:
        raise SetupError(f"importing all that the image of {profile.name} holds takes too long") from None
    except (IndexError, ValueError):
        last = end.stderr.decode(errors="replace").strip()[-500:] if end else ""
        raise SetupError(f"Python ended unexpectedly in the image of {profile.name}: {last}") from None
    return told


def _faults(profile: Profile, image: Image, told: Mapping[str, Any]) -> Iterator[str]:
    yield from unmet(profile.requirements, told["packages"], told["python"])
    for module, why in told["failures"].items():
        yield f"{module} can't be imported: {why}"
    if profile.cuda and not told["cuda"]:
        yield "it holds no build for CUDA, which the packages' index did not have for this machine"
    if image.user in ("", "0", "root") or told["uid"] == 0:
        yield "its programs run as root"


def unmet(requirements: str, packages: Mapping[str, str], python: str) -> Iterator[str]:
    """Which requirements of a profile are not met by these packages (name → version) under this Python."""
    installed = {canonicalize_name(name): version for name, version in packages.items()}
    for line in requirements.splitlines():
        if not (text := line.split("#")[0].strip()):
            continue
        wanted = Requirement(text)
        if wanted.marker and not wanted.marker.evaluate({"python_version": python.rpartition(".")[0]}):
            continue
        version = installed.get(canonicalize_name(wanted.name))
        if version is None:
            yield f"{wanted.name} is not installed"
        elif not wanted.specifier.contains(version, prereleases=True):
            yield f"{wanted.name} is {version}, wanted is {wanted.specifier}"
