"""verifiers: its Docker runtime, without a network as our sandboxes. Argument: the image."""

import sys

from peer import main
from verifiers.v1.runtimes import DockerConfig, DockerRuntime

runtime = DockerRuntime(DockerConfig(image=sys.argv[1]))


async def call() -> None:
    result = await runtime.run(["true"], {})
    assert result.exit_code == 0, result


main(runtime.start, call, runtime.stop)
