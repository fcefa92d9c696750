"""The guest attacked from inside: it goes on, or the sandbox ends; never does it tell what it knows."""

from pathlib import Path

import anyio
import pytest

from mlgym_mcp.sandbox.frames import encode
from tests.sandbox.boxes import every_docker_sandbox, every_sandbox, open_box

SOCKETS = {"docker": "/run/socket/guest.sock", "docker-exec": "\0guest"}
"""Where the guest listens, as it is seen inside; bubblewrap's is not."""


@every_sandbox
async def test_signals_from_inside_do_not_reach_the_guest(kind: str, tmp_path: Path) -> None:
    async with open_box(kind, tmp_path) as box:
        for signal in (
            "KILL",
            "STOP",
            "INT",
            "TERM",
            "CHLD",
            "HUP",
            "SEGV",
            "ALRM",
            "PIPE",
            "QUIT",
            "USR1",
            "TSTP",
            "XCPU",
        ):
            await box.run(f"kill -{signal} 1")
        await box.run("for i in $(seq 2000); do kill -CHLD 1; done")
        assert await box.output("echo fine") == "fine\n"
        await box.run("kill -9 -1")
        assert await box.output("echo fine") == "fine\n"


@every_sandbox
async def test_the_guests_memory_environment_and_descriptors_cannot_be_read(kind: str, tmp_path: Path) -> None:
    async with open_box(kind, tmp_path) as box:
        for name in (
            "environ",
            "mem",
            "maps",
            "fd/",
            "fdinfo/",
            "cwd",
            "exe",
            "root/",
            "auxv",
            "stack",
            "syscall",
            "io",
        ):
            assert (
                await box.run(f"ls /proc/1/{name}" if name.endswith("/") else f"cat /proc/1/{name}")
            ).exit_code != 0, name


@every_sandbox
async def test_the_token_is_nowhere_to_be_found(kind: str, tmp_path: Path) -> None:
    async with open_box(kind, tmp_path) as box:
        # The search must not find itself.
        pattern = f"[{box.spec.token[0]}]{box.spec.token[1:]}"
        search = f"grep -rIl --devices=skip --exclude-dir=sys '{pattern}' /run /tmp /workspace /etc /dev"
        assert (await box.output(f"timeout 20 {search} 2>/dev/null; echo done")) == "done\n"
        shown = "cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ 2>/dev/null"
        assert await box.output(f"{shown} | tr '\\0' '\\n' | grep -c '{pattern}'") == "0\n"


@every_sandbox
async def test_the_guest_cannot_be_traced_or_limited(kind: str, tmp_path: Path) -> None:
    program = """python3 - <<'END'
import ctypes, resource
libc = ctypes.CDLL(None, use_errno=True)
print(libc.ptrace(16, 1, 0, 0), libc.ptrace(0x4206, 1, 0, 0))
buffer = ctypes.create_string_buffer(8)
class IoVec(ctypes.Structure):
    _fields_ = [("base", ctypes.c_void_p), ("length", ctypes.c_size_t)]
local, remote = IoVec(ctypes.addressof(buffer), 8), IoVec(0x400000, 8)
print(libc.process_vm_readv(1, ctypes.byref(local), 1, ctypes.byref(remote), 1, 0))
END"""
    limit = "python3 -c 'import resource; resource.prlimit(1, resource.RLIMIT_NOFILE, (3, 3))'"
    async with open_box(kind, tmp_path) as box:
        assert await box.output(program) == "-1 -1\n-1\n"
        assert b"PermissionError" in (await box.run(limit)).head
        await box.guest.create("file", b"x")


@every_docker_sandbox
async def test_a_stranger_at_the_socket_learns_and_changes_nothing(kind: str, tmp_path: Path) -> None:
    strangers = """python3 - <<'END'
import socket, os, json
path = PATH
def frame(header, body=b""):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return len(text).to_bytes(4, "big") + len(body).to_bytes(4, "big") + text + body
def answer(data):
    s = socket.socket(socket.AF_UNIX); s.settimeout(8); s.connect(path)
    try:
        s.sendall(data); return s.recv(100)
    except ConnectionError:
        return b""
for data in (frame({"op": "hello", "token": "wrong"}), frame({"op": "jobs"}), frame({"token": ["x"] * 9}),
             b"\\xff" * 100, frame(b"["), frame(b"not json"), frame(b"[" * 60000), frame(b"1"),
             frame({"token": ""}, b"body"), (1 << 20).to_bytes(4, "big") + bytes(4), frame(b'"\\ud800"'),
             frame({"token": "\\u00e9\\ud800"})):
    print(answer(data))
many = []
for _ in range(200):
    s = socket.socket(socket.AF_UNIX); s.settimeout(5)
    try:
        s.connect(path); many.append(s)
    except OSError:
        pass
print("done")
END"""
    async with open_box(kind, tmp_path) as box:
        assert await box.output(strangers.replace("PATH", repr(SOCKETS[kind]))) == "b''\n" * 12 + "done\n"
        assert await box.output("echo fine") == "fine\n"


@every_docker_sandbox
async def test_nobody_takes_the_guests_place_at_its_socket(kind: str, tmp_path: Path) -> None:
    bind = f"""python3 - <<'END'
import socket
socket.socket(socket.AF_UNIX).bind({SOCKETS[kind]!r})
END"""
    async with open_box(kind, tmp_path) as box:
        held = await box.output("ls -A /run/socket")
        assert held == ("guest.sock\n" if kind == "docker" else "")
        for attempt in ("touch /run/socket/new", "mv /run/socket/guest.sock /tmp", "rm /run/socket/*"):
            assert (await box.run(attempt)).exit_code == 1, attempt
        assert b"in use" in (await box.run(bind)).head
        assert await box.output("ls -A /run/socket") == held


@every_docker_sandbox
async def test_silent_strangers_do_not_keep_the_host_out(kind: str, tmp_path: Path) -> None:
    flood = """python3 - <<'END'
import socket, time
held = []
while True:
    s = socket.socket(socket.AF_UNIX); s.setblocking(False)
    try:
        s.connect(PATH)
    except OSError:
        pass
    held = (held + [s])[-50:]
    time.sleep(0.002)
END"""
    async with open_box(kind, tmp_path) as box:
        await box.start(flood.replace("PATH", repr(SOCKETS[kind])))
        for _ in range(20):
            await box.guest.aclose()
            assert await box.output("echo fine") == "fine\n"


async def test_the_socket_of_a_bubblewrap_sandbox_is_not_visible_inside(tmp_path: Path) -> None:
    async with open_box("bubblewrap", tmp_path) as box:
        assert await box.output("find / -xdev -type s 2>/dev/null | wc -l") == "0\n"


@every_sandbox
async def test_a_host_process_without_the_token_is_turned_away(kind: str, tmp_path: Path) -> None:
    async with open_box(kind, tmp_path) as box:
        stream = await box.backend.connect(box.spec.id)
        await stream.send(encode({"id": 1, "op": "hello", "token": "guess"}))
        with anyio.fail_after(10), pytest.raises((anyio.EndOfStream, anyio.BrokenResourceError)):
            await stream.receive()
        await stream.aclose()
        assert await box.output("echo fine") == "fine\n"
