"""Inspect: its Docker sandbox, one Compose project. Argument: the image.

Inspect refuses engines before 24.0.6, though what is measured here runs on older ones: that check is left out.
"""

import sys
import tempfile
from pathlib import Path

from inspect_ai.util import SandboxEnvironment
from inspect_ai.util._sandbox.docker import prereqs
from inspect_ai.util._sandbox.docker.docker import DockerSandboxEnvironment
from peer import main

COMPOSE = """\
services:
  default:
    image: {image}
    command: sleep 3600
    init: true
    network_mode: none
"""


async def passed(*_: object) -> None:
    """A check that is left out."""


prereqs.validate_docker_engine = passed
compose = Path(tempfile.mkdtemp()) / "compose.yaml"
compose.write_text(COMPOSE.format(image=sys.argv[1]))
sandboxes: dict[str, SandboxEnvironment] = {}


async def start() -> None:
    await DockerSandboxEnvironment.task_init("benchmark", str(compose))
    sandboxes.update(await DockerSandboxEnvironment.sample_init("benchmark", str(compose), {}))


async def call() -> None:
    result = await sandboxes["default"].exec(["true"])
    assert result.success, result


async def stop() -> None:
    await DockerSandboxEnvironment.sample_cleanup("benchmark", str(compose), sandboxes, False)
    await DockerSandboxEnvironment.task_cleanup("benchmark", str(compose), True)


main(start, call, stop)
