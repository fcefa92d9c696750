"""The two ways to a Docker sandbox's guest: which one is taken, and how relays bear attacks and limits."""

import socket
from contextlib import suppress
from pathlib import Path

import anyio
import pytest
import relay
from anyio.abc import SocketStream

from mlgym_mcp.errors import BackendUnavailable, CommandRefused, SandboxGone
from mlgym_mcp.sandbox.docker import DockerEngine, EngineFacts
from mlgym_mcp.sandbox.docker_stream import (
    READY,
    READY_LIMIT,
    ExecStream,
    ExecTransport,
    SocketTransport,
    StreamKind,
    choose,
    shares_sockets,
)
from mlgym_mcp.sandbox.frames import encode
from mlgym_mcp.sandbox.lifecycle import open_sandbox
from mlgym_mcp.sandbox.link import hello
from mlgym_mcp.services import open_backend
from mlgym_mcp.settings import Settings
from mlgym_mcp.tasks.catalog import Catalog
from tests.sandbox.boxes import Box, open_box, specify, until

KERNEL = "6.1.0-18-amd64"
HERE = EngineFacts(reached="unix", kernel=KERNEL, system="Debian GNU/Linux 12", runtime="runc")
DESKTOP = EngineFacts(reached="unix", kernel=KERNEL, system="Docker Desktop", runtime="runc")
VIRTUAL = EngineFacts(reached="unix", kernel="6.6.12-linuxkit", system="Alpine Linux", runtime="runc")
GVISOR = EngineFacts(reached="unix", kernel=KERNEL, system="Debian GNU/Linux 12", runtime="runsc")
RENAMED = EngineFacts(reached="unix", kernel=KERNEL, system="Debian GNU/Linux 12", runtime="gvisor")
OVER_TCP = EngineFacts(reached="tcp", kernel=KERNEL, system="Debian GNU/Linux 12", runtime="runc")
OVER_TLS = EngineFacts(reached="other", kernel=KERNEL, system="Debian GNU/Linux 12", runtime="runc")


class Described(DockerEngine):
    """An engine of which only the facts are known."""

    def __init__(self, facts: EngineFacts) -> None:
        super().__init__()
        self._facts = facts


@pytest.mark.parametrize(
    ("facts", "shared"),
    [
        (HERE, True),
        (DESKTOP, False),
        (VIRTUAL, False),
        (GVISOR, False),
        (RENAMED, False),
        (OVER_TCP, False),
        (OVER_TLS, False),
    ],
)
def test_a_socket_is_the_way_only_where_the_engine_shares_this_kernel(facts: EngineFacts, shared: bool) -> None:
    assert shares_sockets(facts, KERNEL) is shared


@pytest.mark.parametrize(
    ("kind", "facts", "way"),
    [
        ("auto", GVISOR, ExecTransport),
        ("auto", OVER_TCP, ExecTransport),
        ("exec", HERE, ExecTransport),
        ("socket", GVISOR, SocketTransport),
        ("socket", OVER_TLS, SocketTransport),
    ],
)
async def test_what_the_setting_names_is_taken_whatever_the_engine_is(
    kind: StreamKind, facts: EngineFacts, way: type
) -> None:
    assert isinstance(await choose(kind, Described(facts)), way)


@pytest.mark.parametrize("kind", ["auto", "exec"])
async def test_an_engine_that_gives_no_stream_is_refused_with_what_to_do(kind: StreamKind) -> None:
    with pytest.raises(BackendUnavailable, match="not over TLS or SSH: point DOCKER_HOST .* docker_stream=socket$"):
        await choose(kind, Described(OVER_TLS))


@pytest.mark.parametrize("piece", [1, 5, 8, 9, 1000])
async def test_only_a_programs_output_comes_of_the_engines_frames(piece: int) -> None:
    def frame(kind: int, content: bytes) -> bytes:
        return bytes([kind, 0, 0, 0]) + len(content).to_bytes(4, "big") + content

    sent = frame(1, b"one ") + frame(2, b"warning") + frame(1, b"") + frame(3, b"!") + frame(1, b"two")
    ours, theirs = socket.socketpair()
    with anyio.fail_after(20), theirs:
        theirs.sendall(sent[3:])
        theirs.shutdown(socket.SHUT_WR)
        received = b""
        async with ExecStream(await SocketStream.from_socket(ours), sent[:3]) as stream:
            with pytest.raises(anyio.EndOfStream):
                while True:
                    received += await stream.receive(piece)
            assert (received, stream.complaints) == (b"one two", b"warning!")


async def relays(box: Box) -> int:
    """How many relays are in the sandbox."""
    count = "cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' '\\n' | grep -c '[r]elay.py$'"
    return int(await box.output(count))


async def one_relay(box: Box) -> None:
    async def is_alone() -> bool:
        return await relays(box) == 1

    await until(is_alone)


@pytest.mark.docker
async def test_no_relay_is_left_of_streams_that_were_closed(tmp_path: Path) -> None:
    async with open_box("docker-exec", tmp_path) as box:
        for _ in range(10):
            await box.guest.aclose()
            assert await box.output("echo fine") == "fine\n"
        await one_relay(box)


@pytest.mark.docker
async def test_a_host_that_goes_without_having_read_its_replies_leaves_no_relay(tmp_path: Path) -> None:
    async with open_box("docker-exec", tmp_path) as box:
        await box.run("head -c 8000000 /dev/zero > file")
        for _ in range(3):
            stream = await box.backend.connect(box.spec.id)
            await stream.send(encode({"id": 0, **hello(box.spec.token)}))
            for number in range(1, 40):
                await stream.send(encode({"id": number, "op": "read", "path": "file", "offset": 0, "size": 256 * 1024}))
            assert await stream.receive()
            await stream.aclose()
        await one_relay(box)


@pytest.mark.docker
async def test_the_agent_can_neither_end_nor_read_nor_trace_a_relay(tmp_path: Path) -> None:
    program = """python3 - <<'END'
import ctypes, os, re, resource
def attempt(name, call):
    try:
        call()
        print(name, "worked")
    except OSError:
        pass
words = {p: open(f"/proc/{p}/cmdline").read() for p in os.listdir("/proc") if p.isdigit()}
(relay,) = [int(p) for p, line in words.items() if re.search("relay.py", line)]
libc = ctypes.CDLL(None, use_errno=True)
def trace():
    if libc.ptrace(16, relay, 0, 0) < 0:
        raise OSError
for signal in (9, 19, 15, 13):
    attempt(f"signal {signal}", lambda: os.kill(relay, signal))
attempt("trace", trace)
attempt("limit", lambda: resource.prlimit(relay, resource.RLIMIT_NOFILE, (3, 3)))
for name in ("environ", "mem", "maps", "io", "syscall"):
    attempt(name, lambda: open(f"/proc/{relay}/{name}", "rb").read(1))
attempt("descriptors", lambda: os.listdir(f"/proc/{relay}/fd"))
attempt("input", lambda: open(f"/proc/{relay}/fd/0", "rb"))
print(re.search("Uid:.*", open(f"/proc/{relay}/status").read())[0].split())
END"""
    async with open_box("docker-exec", tmp_path) as box:
        await one_relay(box)
        assert await box.output(program) == "['Uid:', '10002', '10002', '10002', '10002']\n"
        await box.run("kill -9 -1")
        assert await box.output("echo fine") == "fine\n"


@pytest.mark.docker
async def test_a_sandbox_full_of_processes_takes_or_refuses_a_stream_and_recovers(tmp_path: Path) -> None:
    async with open_box("docker-exec", tmp_path) as box:
        await box.run("true")
        hold = "for i in $(seq 300); do sleep 600 & done"
        bomb = await box.guest.run(hold, wait_s=0, time_limit=5, background=True)
        while b"Resource temporarily unavailable" not in (await box.guest.job_wait(bomb.job, wait_s=0.1)).head:
            pass
        await box.guest.aclose()
        with anyio.fail_after(READY_LIMIT + 1), suppress(SandboxGone):  # which of both, the engine's runtime decides
            await box.guest.jobs()

        async def answers() -> bool:
            try:
                return await box.output("/bin/echo fine") == "fine\n"
            except (SandboxGone, CommandRefused):
                return False

        await until(answers)


@pytest.mark.docker
async def test_what_a_container_says_in_a_relays_place_is_told(tmp_path: Path) -> None:
    async with open_box("docker-exec", tmp_path) as box:
        await box.guest.aclose()
        await box.backend.remove(box.spec.id)
        with pytest.raises(SandboxGone, match="No such container"):
            await box.backend.connect(box.spec.id)


@pytest.mark.docker
@pytest.mark.parametrize("stream", ["auto", "socket", "exec"])
async def test_a_server_takes_the_way_that_is_set(stream: str, tmp_path: Path) -> None:
    chosen = Settings.load({"data_dir": tmp_path, "sandbox": "docker", "docker_stream": stream}, environ={})
    with anyio.fail_after(60):
        async with open_backend(chosen, Catalog([])) as backend, open_sandbox(backend, specify()) as guest:
            listening = await guest.run("ls -A /run/socket", wait_s=20, time_limit=20)
            assert listening.head == (b"" if stream == "exec" else b"guest.sock\n")


def test_host_and_relay_agree_on_the_word() -> None:
    assert relay.READY == READY
