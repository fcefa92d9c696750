"""Two sandboxes of one machine: what one leaves lying about, listens on or runs, the other neither finds nor harms."""

import json
from pathlib import Path

import pytest

from mlgym_mcp.sandbox.lifecycle import open_sandbox
from tests.sandbox.boxes import REAL, Box, open_box, specify, until

COMMON = """
import ctypes, json, os, signal, socket, sys, time
libc = ctypes.CDLL(None, use_errno=True)
PLACES = ("/tmp/left", "/dev/shm/left", "/workspace/left", "/outputs/left", "/run/left", "/var/tmp/left")
def succeeds(action):
    try:
        return action() is not False
    except OSError:
        return False
def abstract(kind=socket.SOCK_STREAM):
    return socket.socket(socket.AF_UNIX, kind), "\\0left"
def queue(flags):
    return libc.mq_open(b"/left", flags, 0o666, None) >= 0
"""
LEAVE = (
    COMMON
    + """
held, left = [], ["process", "abstract", "tcp", "udp", "queue"]
for path in PLACES:
    if succeeds(lambda: open(path, "w").close() or os.chmod(path, 0o666)):
        left.append(path)
for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
    sock, name = abstract(kind)
    sock.bind(name if kind == socket.SOCK_STREAM else name + "-datagrams")
    held.append(sock)
held[0].listen()
for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
    held.append(socket.socket(socket.AF_INET, kind))
    held[-1].bind(("127.0.0.1", 47321))
held[2].listen()
assert queue(os.O_CREAT | os.O_RDWR)
libc.prctl(0x59616D61, -1, 0, 0, 0)  # whoever likes may trace it
libc.prctl(15, b"left", 0, 0, 0)
print(json.dumps({"left": left, "pid": os.getpid()}), flush=True)
time.sleep(100)
"""
)
LOOK = (
    COMMON
    + """
found = [path for path in PLACES if os.path.lexists(path)]
def named(pid):
    try:
        return open(f"/proc/{pid}/comm").read().strip() == "left"
    except OSError:
        return False
pids = [int(name) for name in os.listdir("/proc") if name.isdigit() and named(name)]
found += ["process"] if pids else []
sock, name = abstract()
found += ["abstract"] if succeeds(lambda: sock.connect(name)) or "@left" in open("/proc/net/unix").read() else []
sock, name = abstract(socket.SOCK_DGRAM)
found += ["abstract datagrams"] if succeeds(lambda: sock.connect(name + "-datagrams")) else []
tcp = socket.socket(); tcp.settimeout(5)
found += ["tcp"] if succeeds(lambda: tcp.connect(("127.0.0.1", 47321))) else []
udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
found += ["udp"] if not succeeds(lambda: udp.bind(("127.0.0.1", 47321))) else []
found += ["queue"] if queue(os.O_RDWR) else []
for pid in [*pids, *(int(word) for word in sys.argv[1:])]:
    if pid != os.getpid() and succeeds(lambda: libc.ptrace(0x4206, pid, 0, 0) == 0):
        found.append(f"trace of {pid}")
print(json.dumps(found), flush=True)
try:
    os.kill(-1, signal.SIGKILL)
except OSError:
    pass
"""
)


async def left_by(box: Box) -> dict[str, list[str]]:
    """What is there now in a sandbox, by a job that goes on."""
    await box.guest.create("leave.py", LEAVE.encode())
    job = (await box.start("exec python3 leave.py")).job

    async def said() -> bytes:
        result = await box.guest.job_wait(job, wait_s=0)
        assert result.running, result.head
        return result.head

    await until(said)
    told: dict[str, list[str]] = json.loads(await said())
    return told


async def found_by(box: Box, pid: object) -> set[str]:
    await box.guest.create("look.py", LOOK.encode())
    result = await box.run(f"python3 look.py {pid}")
    return set(json.loads(result.head))


@pytest.mark.parametrize("kind", REAL)
async def test_sessions_on_one_machine_find_nothing_of_each_other(kind: str, tmp_path: Path) -> None:
    """The second looks in the first's place too, where all is found, so that the looking is known to work."""
    async with open_box(kind, tmp_path) as one:
        left = await left_by(one)
        neighbour = specify()
        async with open_sandbox(one.backend, neighbour) as guest:
            other = Box(guest, one.backend, neighbour)
            assert await found_by(other, left["pid"]) == set()
            assert await other.output("echo fine") == "fine\n"
        await one.run("true")
        assert (await one.guest.jobs())[0].running, "what the neighbour killed was its own"
        found = await found_by(one, left["pid"])
        assert found >= set(left["left"])
