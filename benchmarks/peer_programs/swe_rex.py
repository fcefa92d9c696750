"""SWE-ReX: a container with its server in it, and a session of bash there. Argument: the image.

The image has no pip, so the peer's packages are shown to the container from the environment that this runs in; both
have the same Python.
"""

import sys
import sysconfig
import tempfile
from pathlib import Path

from peer import main
from swerex.deployment.docker import DockerDeployment
from swerex.runtime.abstract import BashAction, CloseBashSessionRequest, CreateBashSessionRequest

LAUNCHER = '#!/bin/sh\nexec /usr/bin/python3 -m swerex.server "$@"\n'

launcher = Path(tempfile.mkdtemp()) / "swerex-remote"
launcher.write_text(LAUNCHER)
launcher.chmod(0o755)
deployment = DockerDeployment(
    image=sys.argv[1],
    pull="never",
    docker_args=[
        *("-v", f"{sysconfig.get_path('purelib')}:/opt/swerex:ro", "-e", "PYTHONPATH=/opt/swerex"),
        *("-v", f"{launcher}:/usr/local/bin/swerex-remote:ro", "-u", "0"),
    ],
)


async def start() -> None:
    await deployment.start()
    await deployment.runtime.create_session(CreateBashSessionRequest())


async def call() -> None:
    observed = await deployment.runtime.run_in_session(BashAction(command="true"))
    assert observed.exit_code == 0, observed


async def stop() -> None:
    await deployment.runtime.close_session(CloseBashSessionRequest())
    await deployment.stop()


main(start, call, stop)
