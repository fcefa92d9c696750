"""From the agent's sandbox nothing hidden can be seen: the agent looks everywhere, for everything."""

import gzip
import json
from pathlib import Path
from typing import Any, Literal

import pytest
from chance import Chance

from mlgym_mcp.seed import derive_seed
from tests.gateway import BACKENDS, GARMENTS, Gateway, garments, open_gateway

FMNIST = "image-classification-fmnist-v1"
SEXES = "battle-of-the-sexes-v1"
LABELS = Path("/usr/share/datasets/fashion-mnist/t10k-labels-idx1-ubyte.gz")
REPOSITORY = Path(__file__).parents[1]
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


PURPOSES = ("validate", "submit", "upstream", "judge", "contestant of validate", "contestant of submit")
ALWAYS_0 = "def row_strategy(history): return 0\n"


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


def seeds_of(gateway: Gateway, task: str, session: str) -> dict[str, int]:
    """All that the data of a task and the scorings of a session's artefacts are drawn from."""
    secret = (gateway.settings.data_dir / "secret").read_bytes()
    artefacts = [path.stem for path in (gateway.settings.data_dir / "artefacts").glob("*.tar")]
    labels: list[tuple[str, ...]] = [("data", task, flavour) for flavour in ("full", "sample")]
    labels += [("play", session, purpose, artefact) for purpose in PURPOSES for artefact in artefacts]
    return {" ".join(label): derive_seed(secret, *label) for label in labels}


def seed_patterns(seeds: dict[str, int]) -> dict[str, bytes]:
    """Each seed as a decimal number and as eight bytes, in both orders."""
    return {
        f"{name}: {form}": pattern
        for name, seed in seeds.items()
        for form, pattern in {
            "decimal": b"%d" % seed,
            "big": seed.to_bytes(8, "big"),
            "little": seed.to_bytes(8, "little"),
        }.items()
    }


def server_patterns() -> dict[str, bytes]:
    """Bytes of what only the server has: its tasks' programs, its own, its store, its process."""
    return {
        "grader": (REPOSITORY / "tasks" / SEXES / "grader.py").read_bytes()[-200:],
        "data program": (REPOSITORY / "tasks" / FMNIST / "data.py").read_bytes()[-200:],
        "server": (REPOSITORY / "mlgym_mcp/server.py").read_bytes()[-200:],
        "store": b"SQLite format 3\0",
        "server process": Path("/proc/self/cmdline").read_bytes(),
    }


def score_of_always_0(seed: int) -> float:
    """What the judge finds when it draws from this seed: the first round pays nothing, each later hit 2."""
    draws = Chance(seed)
    return sum(2 * (draws.random() < 0.8) for _ in range(9 * 10_000)) / 10 / 10_000


@pytest.mark.parametrize("sandbox", BACKENDS)
async def test_no_label_of_the_test_set_is_in_the_agents_sandbox(
    tmp_path: Path, cache_dir: Path, sandbox: Literal["bubblewrap", "docker"]
) -> None:
    labels = gzip.decompress(LABELS.read_bytes())[8:]
    wide = b"".join(label.to_bytes(8, "little") for label in labels[5000:5032])
    tasks = (garments(tmp_path),)
    async with open_gateway(tmp_path, cache_dir, sandbox=sandbox, tasks_dirs=tasks) as gateway:
        session = await gateway.start(GARMENTS, flavour="full")
        control = gzip.decompress(LABELS.with_name("train-labels-idx1-ubyte.gz").read_bytes())[8:][30000:30064]
        hidden = hidden_patterns(gateway) | seed_patterns(seeds_of(gateway, GARMENTS, session))
        patterns = hidden | {
            "bytes": labels[5000:5064],
            "numbers": wide,
            "lines": b"\n".join(b"%d" % label for label in labels[5000:5064]),
            "packed": LABELS.read_bytes()[1000:1064],
            "control": control,
        }
        found = await search(gateway, session, patterns)
        listed = await gateway.bash(session, "ls -A /usr/share/datasets 2>&1")
    assert list(found) == ["control"], "the search finds what is there, the training labels, and nothing else"
    assert len(patterns) == 13
    assert "No such file" in listed


@pytest.mark.parametrize("sandbox", BACKENDS)
async def test_neither_grader_nor_opponent_nor_seed_nor_server_is_in_the_agents_sandbox(
    tmp_path: Path, cache_dir: Path, sandbox: Literal["bubblewrap", "docker"]
) -> None:
    async with open_gateway(tmp_path, cache_dir, sandbox=sandbox) as gateway:
        session = await gateway.start(SEXES)
        await gateway.create(session, "strategy.py", ALWAYS_0)
        validated = await gateway.score("validate", session)
        seeds = seeds_of(gateway, SEXES, session)
        other = await gateway.start(SEXES)
        await gateway.bash(other, "echo marker-of-the-other-session > marker; export MARKER=$(cat marker)")
        await gateway.call(
            "bash", session=other, command="exec -a marker-of-the-other-session sleep 60", background=True
        )
        await gateway.call("bash", session=session, command="exec -a marker-of-this-session sleep 60", background=True)
        patterns = hidden_patterns(gateway) | seed_patterns(seeds)
        patterns |= server_patterns() | {
            "handle": session.encode(),
            "other handle": other.encode(),
            "other session": b"marker-of-the-other-session",
            "control: a file": ALWAYS_0.encode(),
            "control: a process": b"marker-of-this-session",
        }
        found = await search(gateway, session, patterns)
        folder = await gateway.bash(session, f"ls {gateway.settings.data_dir} {REPOSITORY} 2>&1")
        await gateway.create(session, "connect.py", CONNECT)
        reached = await gateway.bash(
            session, "/usr/bin/python3 connect.py; ls -la /var/run/*.sock /run/*.sock 2>/dev/null"
        )
    assert len(seeds) == 8
    [drawn] = [seed for name, seed in seeds.items() if name.startswith(f"play {session} validate ")]
    assert score_of_always_0(drawn) == pytest.approx(validated["scores"]["score"]), "the seeds searched for are used"
    assert found.pop("control: a file") == ["/workspace/strategy.py"]
    assert all(path.startswith("/proc/") for path in found.pop("control: a process"))
    assert found == {}
    assert folder.count("No such file") == 2
    assert "REACHED" not in reached and ".sock" not in reached.replace("guest.sock", "")
    assert "interfaces ['lo']" in reached
