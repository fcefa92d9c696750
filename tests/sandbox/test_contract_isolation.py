"""Isolation: what a sandbox can't reach, can't see and can't become."""

import json
import os
import socket
from pathlib import Path

import pytest

from tests.sandbox.boxes import Box, every_sandbox, open_box, until

CHECKOUT = Path(__file__).resolve().parents[2]
TRY = """python3 - <<'END'
import ctypes, errno, os, socket
def attempt(name, call):
    try:
        call()
        print(name, "WORKED")
    except OSError as error:
        print(name, "failed")
libc = ctypes.CDLL(None, use_errno=True)
def checked(*arguments):
    if libc.syscall(*arguments) < 0:
        raise OSError(ctypes.get_errno(), "no")
%s
END"""


async def attempts(box: Box, program: str) -> dict[str, str]:
    """What came of each `attempt` of a Python program."""
    return dict(line.split() for line in (await box.output(TRY.replace("%s", program))).splitlines())


@every_sandbox
async def test_there_is_no_network(kind: str, tmp_path: Path) -> None:
    program = """
ipv4, ipv6 = (socket.AF_INET, ("192.0.2.1", 80)), (socket.AF_INET6, ("2001:db8::1", 80))
for name, (family, address) in {"ipv4": ipv4, "ipv6": ipv6}.items():
    s = socket.socket(family); s.settimeout(2)
    attempt(name, lambda: s.connect(address))
    d = socket.socket(family, socket.SOCK_DGRAM)
    attempt(name + "-datagram", lambda: d.sendto(b"x", address))
"""
    async with open_box(kind, tmp_path) as box:
        assert set((await attempts(box, program)).values()) == {"failed"}
        interfaces = await box.output("tail -n +3 /proc/net/dev | cut -d: -f1 | tr -d ' '")
        assert set(interfaces.split()) <= {"lo", "tunl0", "sit0", "ip6tnl0", "gre0", "gretap0", "erspan0", "ip_vti0"}


@every_sandbox
async def test_the_hosts_sockets_cannot_be_reached(kind: str, tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as abstract, socket.create_server(("127.0.0.1", 0)) as loopback:
        name = f"test-{os.getpid()}-{tmp_path.name}"
        abstract.bind(f"\0{name}")
        abstract.listen()
        program = f"""
attempt("abstract", lambda: socket.socket(socket.AF_UNIX).connect("\\0{name}"))
attempt("loopback", lambda: socket.create_connection(("127.0.0.1", {loopback.getsockname()[1]}), 2))
attempt("docker", lambda: socket.socket(socket.AF_UNIX).connect("/var/run/docker.sock"))
attempt("engine", lambda: socket.socket(socket.AF_UNIX).connect("/run/docker.sock"))
"""
        async with open_box(kind, tmp_path) as box:
            assert set((await attempts(box, program)).values()) == {"failed"}


@every_sandbox
async def test_the_system_is_read_only(kind: str, tmp_path: Path) -> None:
    places = "/ /usr/bin /usr/lib /etc /run/guest /dev /proc/sys/kernel /sys /run /var /home /root /mnt"
    async with open_box(kind, tmp_path) as box:
        for place in places.split():
            assert (await box.run(f"touch {place}/new 2>&1")).exit_code != 0, place
        assert (await box.run("touch /workspace/a /outputs/a /tmp/a /dev/shm/a")).exit_code == 0


@every_sandbox
async def test_the_agent_is_nobody_with_no_way_up(kind: str, tmp_path: Path) -> None:
    async with open_box(kind, tmp_path) as box:
        status = dict(line.split(":", 1) for line in (await box.output("cat /proc/self/status")).splitlines())
        assert "0" not in status["Uid"].split() + status["Gid"].split()
        assert all(int(status[name], 16) == 0 for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"))
        assert (status["NoNewPrivs"].strip(), status["Seccomp"].strip()) == ("1", "2")
        assert status["Groups"].split() in ([], ["10001"], ["65534"])


@every_sandbox
async def test_new_namespaces_mounts_and_tracing_are_denied(kind: str, tmp_path: Path) -> None:
    program = """
for name, flag in (("user", 0x10000000), ("mount", 0x20000), ("pid", 0x20000000), ("net", 0x40000000)):
    attempt(name, lambda: checked(272, flag))
attempt("clone", lambda: checked(56, 0x10000000 | 17, 0, 0, 0, 0))
attempt("mounting", lambda: checked(165, b"none", b"/tmp", b"tmpfs", 0, None))
attempt("remount", lambda: checked(165, b"none", b"/", b"none", 32, None))
attempt("chroot", lambda: os.chroot("/tmp"))
attempt("setuid", lambda: os.setuid(0))
attempt("chown", lambda: os.chown("/tmp", 0, 0))
attempt("ptrace", lambda: checked(101, 16, 1, 0, 0))
attempt("memory", lambda: open("/proc/1/mem", "rb"))
attempt("keyring", lambda: checked(248, b"user", b"a", b"b", 1, -3))
attempt("bpf", lambda: checked(321, 0, None, 0))
attempt("io_uring", lambda: checked(425, 8, ctypes.create_string_buffer(120)))
attempt("device", lambda: os.mknod("/tmp/disk", 0o60600, os.makedev(7, 0)))
"""
    if os.uname().machine != "x86_64":
        pytest.skip("the numbers of the calls are those of x86_64")
    async with open_box(kind, tmp_path) as box:
        assert {name for name, how in (await attempts(box, program)).items() if how != "failed"} == set()


@every_sandbox
async def test_nothing_of_the_host_is_seen(kind: str, tmp_path: Path) -> None:
    hidden = [CHECKOUT / "mlgym_mcp", CHECKOUT / "tasks", tmp_path, Path.home(), "/usr/share/datasets", "/etc/shadow",
              "/var/run/docker.sock", "/run/docker.sock", "/srv", "/opt", "/root", "/mnt/disk"]  # fmt: skip
    async with open_box(kind, tmp_path) as box:
        (tmp_path / "canary").write_text("seen")
        listing = "import json, os, sys; print(json.dumps([p for p in sys.argv[1:] if os.access(p, os.R_OK) and"
        listing += " (not os.path.isdir(p) or os.listdir(p))]))"
        seen = json.loads(await box.output(f"python3 -c '{listing}' {' '.join(map(str, hidden))}"))
        assert seen == []
        mounts = await box.output("cut -d' ' -f1,2 /proc/self/mounts; cat /proc/self/cgroup")
        assert str(tmp_path) not in mounts


@every_sandbox
async def test_hosts_and_other_sandboxes_processes_are_not_seen(kind: str, tmp_path: Path) -> None:
    async with open_box(kind, tmp_path / "one") as one, open_box(kind, tmp_path / "two") as two:
        await one.run("sleep 98765 & echo mine > /tmp/mine; echo mine > mine")
        assert "98765" not in await two.output("cat /proc/[0-9]*/cmdline | tr '\\0' ' '")
        assert int(await two.output("ls -d /proc/[0-9]* | wc -l")) <= 5
        assert await two.output("ls -A /tmp /workspace /dev/shm") == "/dev/shm:\n\n/tmp:\n\n/workspace:\n"
        assert await two.output("cat /proc/sys/kernel/hostname; ipcs -m 2>/dev/null | grep -c 0x") == "sandbox\n0\n"


@every_sandbox
async def test_an_escapee_dies_with_the_sandbox(kind: str, tmp_path: Path) -> None:
    marker = f"escapee-{os.getpid()}-{tmp_path.name}"
    script = f"trap '' TERM HUP INT; exec -a {marker} sleep 5000"
    async with open_box(kind, tmp_path) as box:
        await box.run(f'(setsid nohup bash -c "{script}" >/dev/null 2>&1 &)')
        await until(lambda: host_processes(marker))
    assert host_processes(marker) == []


@every_sandbox
async def test_orphans_are_reaped(kind: str, tmp_path: Path) -> None:
    async with open_box(kind, tmp_path) as box:
        await box.run("for i in $(seq 20); do (setsid sleep 0.05 &); done; wait")
        count = "cat /proc/[0-9]*/stat | grep -cE '\\) Z|[(]sleep[)]'"

        async def none_left() -> bool:
            return await box.output(count) == "0\n"

        await until(none_left)


def host_processes(marker: str) -> list[int]:
    """Processes of the whole host whose command line begins with a text."""
    found = []
    for folder in Path("/proc").iterdir():
        try:
            if folder.name.isdigit() and (folder / "cmdline").read_bytes().startswith(marker.encode()):
                found.append(int(folder.name))
        except OSError:
            continue
    return found
