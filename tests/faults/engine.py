"""A Docker engine of a test's own, which may be killed: the machine's other engine never learns of it."""

import json
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from mlgym_mcp.sandbox import profiles
from mlgym_mcp.sandbox.docker import open_engine
from mlgym_mcp.sandbox.images import Images
from tests.sandbox.boxes import until

PATIENCE = 30.0
"""Seconds that it may take to start or to end."""


@dataclass
class PrivateEngine:
    """`dockerd` with folders, a socket and a containerd of its own, and no network."""

    folder: Path
    live_restore: bool
    _process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    @property
    def address(self) -> str:
        """Where it listens."""
        return f"unix://{self.folder}/docker.sock"

    async def start(self) -> None:
        """Start it, or start it again; on return it answers."""
        self._launch()
        await until(lambda: self.docker("version").returncode == 0, within=PATIENCE)

    def _launch(self) -> None:
        # Its containerd ends with it, but passes for alive where nobody collects it.
        (self.folder / "exec-root/containerd/containerd.pid").unlink(missing_ok=True)
        config = self.folder / "daemon.json"
        config.write_text(json.dumps({"live-restore": self.live_restore, "shutdown-timeout": 1}))
        folders = [f"--{name}={self.folder}/{name}" for name in ("data-root", "exec-root", "pidfile")]
        no_network = ["--bridge=none", "--iptables=false", "--ip-masq=false"]
        command = ["dockerd", "--config-file", str(config), "--host", self.address, *folders, *no_network]
        with open(self.folder / "log", "ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)

    async def end(self, number: signal.Signals) -> None:
        """Send it a signal, and wait until it is gone."""
        assert self._process is not None
        self._process.send_signal(number)
        await until(lambda: self._process is None or self._process.poll() is not None, within=PATIENCE)

    def docker(self, *words: str, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        """Ask it something."""
        return subprocess.run(["docker", "--host", self.address, *words], input=given, capture_output=True, check=False)

    def clear(self) -> None:
        """Kill and unmount what it has left, which all names its folder, and remove that."""
        for process in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                if f"{self.folder}/".encode() in (process / "cmdline").read_bytes():
                    os.kill(int(process.name), signal.SIGKILL)
        for line in reversed(Path("/proc/mounts").read_text().splitlines()):
            if (place := line.split()[1]).startswith(f"{self.folder}/"):
                subprocess.run(["umount", "--lazy", place], check=False)
        shutil.rmtree(self.folder)


@asynccontextmanager
async def private_engine(*, live_restore: bool) -> AsyncIterator[PrivateEngine]:
    """An engine that has the image of the profile `plain`."""
    async with open_engine() as machines:
        images = Images(machines)
        await images.built(profiles.load("plain"))
    engine = PrivateEngine(Path(tempfile.mkdtemp(prefix="engine-")), live_restore)  # its sockets must have short names
    try:
        await engine.start()
        _copy_image(images.tag(profiles.load("plain")), engine)
        yield engine
        for container in engine.docker("ps", "--all", "--quiet").stdout.decode().split():
            engine.docker("rm", "--force", container)
        await engine.end(signal.SIGTERM)
    finally:
        engine.clear()


def _copy_image(tag: str, engine: PrivateEngine) -> None:
    image = subprocess.run(["docker", "save", tag], capture_output=True, check=True).stdout
    engine.docker("load", given=image).check_returncode()
