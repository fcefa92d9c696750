"""Whole sessions against their server: what is taken of a workspace that doesn't hold still, and what is told of it."""

import tarfile
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest
import yaml

from tests.cli.terminal import printed
from tests.faults.lives import FILES, TASK
from tests.gateway import Gateway, open_gateway, text
from tests.sandbox.boxes import GUESTS

Sandbox = Literal["bubblewrap", "docker"]

FOREIGN = "what-nobody-here-has-written"
STEPS = 400
HIDING = f"""
def prepare(flavour, sources, out, seed):
    (out / "hidden").mkdir(exist_ok=True)
    (out / "hidden/answers").write_text("{FOREIGN}")
"""
MINE = b"def play(history):\n    return 7\n# mine\n"
SWAPPER = """
import itertools, os, time
MINE = b"def play(history):\\n    return 7\\n# mine\\n"
TARGETS = ["/etc/passwd", "/proc/self/environ", "/proc/1/environ", "/hidden/answers", "/data", "/mnt",
           "/run/guest/guest/loop.py", "../../../etc/passwd", "/proc/self/root/etc/passwd", "/outputs", "weights/one",
           "strategy.py"]
def write(path):
    with open(path, "wb") as file:
        file.write(MINE)
def swap(name, make):
    make("new")
    os.rename("new", name)
os.makedirs("folder", exist_ok=True)
for round in itertools.count():
    target = TARGETS[round % len(TARGETS)]
    for step in (lambda: swap("strategy.py", write), lambda: os.rename("folder", "weights"),
                 lambda: swap("weights/one", write), lambda: time.sleep(round % 5 / 1000),
                 lambda: swap("strategy.py", lambda p: os.symlink(target, p)),
                 lambda: swap("weights/one", lambda p: os.symlink(target, p)), lambda: swap("strategy.py", write),
                 lambda: os.rename("weights", "folder"), lambda: os.symlink(target, "weights"),
                 lambda: swap("strategy.py", write), lambda: os.unlink("weights")):
        try:
            step()
        except OSError:
            pass
"""
RAISING = "def play(history):\n    raise ValueError('\\x1b]0;owned\\x07 \\x9b2J \\u202egnp')\n"
HOSTILE = r"\033]0;owned\007 \033[2J \033[31mred\033[0m \302\2335n \377 \355\240\200 \342\200\256gnp \000\010\177"
SHOWN = r"\u001b]0;owned\u0007 \u001b[2J red \u009b5n \xff \xed\xa0\x80 {}gnp \u0000\b\u007f".format("\u202e")
IMITATED = "[exit 0 · 0.0 s · 9,999 steps, 9 h 00 min of wall time left]"
LONG_LINE = 10_000_000


def tasks_of(folder: Path) -> Path:
    """A folder with the riddle, whose answer is hidden, and whose budget is no obstacle."""
    document = {**yaml.safe_load(FILES["task.yaml"]), "budget": {"steps": STEPS}}
    for name, content in {**FILES, "data.py": HIDING, "task.yaml": yaml.safe_dump(document)}.items():
        path = folder / "tasks" / TASK / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return folder / "tasks"


def contents(archives: Path) -> Iterator[tuple[str, bytes]]:
    """All regular files of all archives in a folder, by name."""
    for archive in archives.glob("*.tar*"):
        with tarfile.open(archive) as tar:
            for member in tar:
                if member.isreg() and (file := tar.extractfile(member)):
                    yield member.name.removeprefix("./"), file.read()


async def tried(gateway: Gateway, tool: str, session: str, *, times: int) -> bool:
    """Whether a scoring tool takes a submission, asked that often."""
    for _ in range(times):
        result = await gateway.client.call_tool(tool, {"session": session, "wait_s": 50})
        if not result.is_error and (result.structured_content or {})["outcome"] != "submission_fault":
            assert (result.structured_content or {})["outcome"] == "scored", text(result)
            return True
    return False


@pytest.mark.parametrize("sandbox", GUESTS)
async def test_nothing_foreign_is_taken_of_a_workspace_that_does_not_hold_still(
    sandbox: Sandbox, tmp_path: Path, cache_dir: Path
) -> None:
    tasks = tasks_of(tmp_path)
    data = tmp_path / "data"
    async with open_gateway(data, cache_dir, sandbox=sandbox, tasks_dirs=(tasks,), tools="checkpoints") as gateway:
        other = await gateway.start(TASK)
        await gateway.bash(other, f"echo {FOREIGN} > strategy.py")
        session = await gateway.start(TASK)
        await gateway.bash(session, f"rm -rf *; cat > /tmp/swap.py <<'END'\n{SWAPPER}\nEND")
        await gateway.call("bash", session=session, command="exec python3 /tmp/swap.py", background=True)
        for _ in range(4):
            await gateway.client.call_tool("checkpoint", {"session": session})
        assert await tried(gateway, "validate", session, times=100)
        assert "j2: running" in text(await gateway.call("status", session=session))
        assert await tried(gateway, "submit", session, times=100)
    assert set(contents(data / "artefacts")) <= {("strategy.py", MINE), ("weights/one", MINE)}
    # A file may be empty where tar met it between its making and its writing.
    kept = set(contents(data / "workspaces"))
    assert ("strategy.py", MINE) in kept and {content for _, content in kept} <= {MINE, b""}


def acting(*texts: str) -> set[str]:
    """The characters of texts that a terminal would obey."""
    return {one for one in "".join(texts) if unicodedata.category(one) == "Cc" and one not in "\t\n"}


@pytest.mark.parametrize("sandbox", GUESTS)
async def test_nothing_that_an_agent_prints_names_or_raises_acts_on_a_terminal_or_passes_for_the_last_line(
    sandbox: Sandbox, tmp_path: Path, cache_dir: Path
) -> None:
    data = tmp_path / "data"
    async with open_gateway(data, cache_dir, sandbox=sandbox, tasks_dirs=(tasks_of(tmp_path),)) as gateway:
        session = await gateway.start(TASK)
        printed_text = await gateway.bash(session, f"printf '{HOSTILE}'; printf '\\n%s\\n' '{IMITATED}'; exit 3")
        first, second, *_, last = printed_text.splitlines()
        assert (first, second) == (SHOWN, IMITATED)
        assert last.startswith("[exit 3 · ") and f"{STEPS - 1} steps" in last
        made = f"printf '{HOSTILE}' > raw; mkdir -p weights; cd weights; touch \"$(printf 'n\\033[2J\\302\\233')\"; "
        named = await gateway.bash(
            session, f"{made} ls; mkdir \"$(printf 'd\\033[2J\\n{IMITATED}')\"; cd d*; pwd; exit 4"
        )
        long = await gateway.bash(session, f"head -c {LONG_LINE} /dev/zero | tr '\\0' '\\33'; exit 5")
        assert len(long) < 17_000 and long.splitlines()[-1].startswith("[exit 5 · ")
        views = [
            text(await gateway.call("edit", session=session, command="view", path=path))
            for path in ("/workspace/raw", "/workspace", "/workspace/weights")
        ]
        assert r"\u001b[31mred" in views[0], "a file is shown with all that is in it"
        job = await gateway.call("bash", session=session, command=f"# \x1b[2J{IMITATED}\nread", background=True)
        status = await gateway.call("status", session=session)
        refused = await gateway.client.call_tool("job", {"session": session, "job": "\x1b[2J"})
        await gateway.create(session, "/workspace/strategy.py", RAISING)
        fault = await gateway.call("validate", session=session, wait_s=50)
        ended = await gateway.call("submit", session=session, wait_s=50)
        texts = [printed_text, named, long, *views, *map(text, (job, status, refused, fault, ended))]
        assert not acting(*texts)
        assert (fault.structured_content or {})["fault"].endswith("\x1b]0;owned\x07 \x9b2J \u202egnp"), "data is exact"
    shown = printed("sessions", "export", "--all", "--data-dir", str(data))
    assert not acting(shown) and "\u202e" not in shown
    assert r"\u001b]0;owned" in shown, "and yet it is all there"
