"""The guest: process 1 of every sandbox. It does there what the host asks over one stream.

Started as `python3 -I -S /run/guest/guest --config FD-OR-FILE [--listen FD]`. The configuration holds the sandbox's
token; it is read and removed before anything else runs. The guest serves whoever shows the token, outlives the stream,
and ends by its lease.

It runs under the agent's own uid and resists the agent all the same: as process 1 no signal from inside ends it, and
as it is not dumpable its memory, environment and descriptors can't be read. It is no boundary: nothing that matters
outside the sandbox rests on its honesty.
"""

import ctypes
import json
import os
import signal
import socket
import sys
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

import calls
from files import Files
from jobs import Jobs
from lease import Lease
from loop import Loop
from operations import Operations
from outlet import Outlet
from pack import Packer
from peers import Listener
from programs import Programs
from watch import Watch

PR_SET_DUMPABLE = 4


def main(arguments: list[str]) -> None:
    options = dict(zip(arguments[::2], arguments[1::2]))
    _close_all_but(options.values())
    _protect()
    config = _read_config(options["--config"])
    calls.limit(config["filters"])
    sock = _listen(options.get("--listen"), config.get("socket"))
    env: dict[str, str] = config["env"]
    workspace, outputs = config["workspace"], config["outputs"]
    os.umask(0o022)
    os.chdir(workspace)

    loop = Loop()
    jobs = Jobs(loop, env, workspace, outputs, config["ulimits"])
    programs = Programs(loop, env)
    lease = Lease(
        loop,
        config["lifetime"],
        config["orphan_grace"],
        needed=lambda: listener.attended or bool(jobs.running),
    )
    operations = Operations(jobs, Files(workspace), Packer(workspace), programs, lease)
    Watch(loop, jobs, config.get("memory_watch"), config.get("disk_watch"), [workspace, outputs])
    if config["way_out"]:
        Outlet(loop, *config["way_out"])
    listener = Listener(loop, sock, config["token"].encode(), operations.handle)
    loop.run_forever()


def _close_all_but(handed: "Iterable[str]") -> None:
    # Whoever started us may have left descriptors open, as Ray does its logs, and commands would inherit them. What
    # Python has opened since is not inheritable.
    for name in os.listdir("/proc/self/fd"):
        with suppress(OSError):
            if int(name) > 2 and name not in handed and os.get_inheritable(int(name)):
                os.close(int(name))


def _protect() -> None:
    # A handler for a signal makes even process 1 receive it from inside: leave none but SIGCHLD's.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)


def _read_config(place: str) -> dict[str, Any]:
    fd = int(place) if place.isdigit() else os.open(place, os.O_RDONLY | os.O_NOFOLLOW)
    with os.fdopen(fd, "rb") as file:
        config: dict[str, Any] = json.loads(file.read())
    if not place.isdigit():
        os.unlink(place)
    return config


def _listen(inherited: "str | None", path: "str | None") -> socket.socket:
    if inherited:
        return socket.socket(fileno=int(inherited))
    assert path
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    if path.startswith("@"):  # abstract: of the network namespace, in no folder
        sock.bind("\0" + path[1:])
        sock.listen(16)
        return sock
    unfinished = path + ".new"
    sock.bind(unfinished)
    # The folder, which only the host can enter, guards the socket; the server may run under any uid.
    os.chmod(unfinished, 0o666)
    sock.listen(16)
    os.rename(unfinished, path)  # whoever sees it can connect
    return sock


if __name__ == "__main__":
    main(sys.argv[1:])
