"""From the agent's sandbox nothing hidden can be seen: the agent looks everywhere, for everything."""

import gzip
import json
import os
from pathlib import Path
from typing import Any, Literal

import pytest

from tests.gateway import BACKENDS, Gateway, open_gateway

FMNIST = "image-classification-fmnist-v1"
SEXES = "battle-of-the-sexes-v1"
LABELS = Path("/usr/share/datasets/fashion-mnist/t10k-labels-idx1-ubyte.gz")
SEARCH = """
import json, mmap, os, stat, sys
patterns = {name: bytes.fromhex(text) for name, text in json.load(open("patterns.json")).items()}
found = {}
for top in ("/workspace", "/outputs", "/data", "/run", "/tmp", "/dev/shm", "/etc", "/env", "/usr/share", "/var",
            "/home", "/root", "/opt", "/srv", "/mnt", "/media", "/sys", "/hidden", "/grader", "/task", "/sources"):
    for folder, folders, files in os.walk(top):
        for path in (os.path.join(folder, file) for file in files):
            try:
                info = os.lstat(path)
                if not stat.S_ISREG(info.st_mode) or not info.st_size or path.endswith("patterns.json"):
                    continue
                with open(path, "rb") as file:
                    content = file.read(1 << 28)
            except OSError:
                continue
            for name, pattern in patterns.items():
                if pattern in content:
                    found.setdefault(name, []).append(path)
for pid in filter(str.isdigit, os.listdir("/proc")):
    for part in ("cmdline", "environ", "maps"):
        try:
            content = open(f"/proc/{pid}/{part}", "rb").read()
        except OSError:
            continue
        for name, pattern in patterns.items():
            if pattern in content:
                found.setdefault(name, []).append(f"/proc/{pid}/{part}")
print("FOUND", json.dumps(found))
"""
CONNECT = """
import socket
for family, address in ((socket.AF_INET, ("192.0.2.1", 80)), (socket.AF_INET, ("169.254.169.254", 80)),
                        (socket.AF_INET, ("127.0.0.1", 22)), (socket.AF_INET6, ("2001:db8::1", 80)),
                        (socket.AF_UNIX, "/var/run/docker.sock"), (socket.AF_UNIX, "/run/docker.sock"),
                        (socket.AF_UNIX, "/run/containerd/containerd.sock")):
    try:
        with socket.socket(family, socket.SOCK_STREAM) as sock:
            sock.settimeout(3)
            sock.connect(address)
        print("REACHED", address)
    except OSError:
        pass
print("interfaces", sorted(name for _, name in socket.if_nameindex()))
"""


async def search(gateway: Gateway, session: str, patterns: dict[str, bytes]) -> dict[str, Any]:
    await gateway.create(session, "patterns.json", json.dumps({name: text.hex() for name, text in patterns.items()}))
    await gateway.create(session, "search.py", SEARCH)
    shown = await gateway.bash(session, "/usr/bin/python3 search.py")
    found: dict[str, Any] = json.loads(shown.split("FOUND ")[1].splitlines()[0])
    return found


def hidden_patterns(gateway: Gateway) -> dict[str, bytes]:
    """Bytes of everything that lies in hidden folders, and of what else the agent must not see."""
    patterns = {"secret": next(gateway.settings.data_dir.glob("secret*")).read_bytes()}
    for path in (gateway.settings.data_dir / "prepared").glob("*/*/hidden/**/*"):
        if path.is_file():
            content = path.read_bytes()
            patterns[str(path)] = content[len(content) // 2 :][:256]
    return patterns


@pytest.mark.parametrize("sandbox", BACKENDS)
async def test_no_label_of_the_test_set_is_in_the_agents_sandbox(
    tmp_path: Path, cache_dir: Path, sandbox: Literal["bubblewrap", "docker"]
) -> None:
    labels = gzip.decompress(LABELS.read_bytes())[8:]
    wide = b"".join(label.to_bytes(8, "little") for label in labels[5000:5032])
    async with open_gateway(tmp_path, cache_dir, sandbox=sandbox) as gateway:
        session = await gateway.start(FMNIST, flavour="full")
        control = gzip.decompress(LABELS.with_name("train-labels-idx1-ubyte.gz").read_bytes())[8:][30000:30064]
        patterns = hidden_patterns(gateway) | {
            "bytes": labels[5000:5064],
            "numbers": wide,
            "lines": b"\n".join(b"%d" % label for label in labels[5000:5064]),
            "packed": LABELS.read_bytes()[1000:1064],
            "control": control,
        }
        found = await search(gateway, session, patterns)
        listed = await gateway.bash(session, "ls -A /usr/share/datasets 2>&1")
    assert list(found) == ["control"], "the search finds what is there, the training labels, and nothing else"
    assert len(patterns) == 7
    assert "No such file" in listed


@pytest.mark.parametrize("sandbox", BACKENDS)
async def test_neither_grader_nor_opponent_nor_seed_nor_server_is_in_the_agents_sandbox(
    tmp_path: Path, cache_dir: Path, sandbox: Literal["bubblewrap", "docker"]
) -> None:
    tasks = Path(__file__).parents[1] / "tasks"
    async with open_gateway(tmp_path, cache_dir, sandbox=sandbox) as gateway:
        session = await gateway.start(SEXES)
        other = await gateway.start(SEXES)
        await gateway.bash(other, "echo marker-of-the-other-session > marker; export MARKER=$(cat marker)")
        await gateway.call(
            "bash", session=other, command="exec -a marker-of-the-other-session sleep 60", background=True
        )
        patterns = hidden_patterns(gateway) | {
            "grader": (tasks / SEXES / "grader.py").read_bytes()[-200:],
            "data program": (tasks / FMNIST / "data.py").read_bytes()[-200:],
            "server": (Path(__file__).parents[1] / "mlgym_mcp/server.py").read_bytes()[-200:],
            "store": b"SQLite format 3\0",
            "handle": session.encode(),
            "other handle": other.encode(),
            "other session": b"marker-of-the-other-session",
            "server process": f"{os.getpid()}".encode() + b"\0mlgym",
        }
        found = await search(gateway, session, patterns)
        folder = await gateway.bash(session, f"ls {gateway.settings.data_dir} {tasks.parent} 2>&1")
        await gateway.create(session, "connect.py", CONNECT)
        reached = await gateway.bash(
            session, "/usr/bin/python3 connect.py; ls -la /var/run/*.sock /run/*.sock 2>/dev/null"
        )
    assert found == {}
    assert folder.count("No such file") == 2
    assert "REACHED" not in reached and ".sock" not in reached.replace("guest.sock", "")
    assert "interfaces ['lo']" in reached
