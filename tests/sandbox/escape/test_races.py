"""Names that lead elsewhere by the time they are followed: what the file tools and packing make of them."""

import io
import tarfile
from contextlib import suppress
from pathlib import Path

import anyio
import pytest

from mlgym_mcp.errors import CommandRefused, InvalidSubmission
from tests.sandbox.boxes import REAL, Box, open_box

ROUNDS = 60
MINE = b"mine\n"
SWAPPER = """
import os, socket, stat
def link(path, target): os.symlink(target, path)
def hard(path): os.link("real", path)
def folder(path): os.mkdir(path)
def device(path):
    try: os.mknod(path, stat.S_IFCHR | 0o666, os.makedev(1, 5))
    except OSError: os.symlink("/dev/zero", path)
def sock(path): socket.socket(socket.AF_UNIX).bind(path)
def plain(path): open(path, "wb").write(b"mine\\n")
kinds = [plain, lambda p: link(p, "/proc/1/environ"), os.mkfifo, lambda p: link(p, "/proc/self/mem"), hard, folder,
         lambda p: link(p, "/dev/tty"), device, lambda p: link(p, "/run/guest/guest/__main__.py"), sock,
         lambda p: link(p, "../../etc/passwd"), lambda p: link(p, p), lambda p: link(p, "/proc/self/fd/9"), plain]
plain("real")
os.makedirs("deep/inner", exist_ok=True)
os.makedirs("other", exist_ok=True)
plain("deep/inner/file"); plain("other/file")
while True:
    for make in kinds:
        for step in (lambda: make("new"), lambda: os.rename("new", "file"), lambda: os.rmdir("new"),
                     lambda: os.unlink("new"), lambda: os.rename("deep/inner", "deep/kept"),
                     lambda: os.symlink("/etc", "deep/inner"), lambda: os.unlink("deep/inner"),
                     lambda: os.rename("deep/kept", "deep/inner")):
            try: step()
            except OSError: pass
"""


async def packed(box: Box, *paths: str) -> dict[str, bytes]:
    data = b"".join([chunk async for chunk in box.guest.pack(paths, max_size=100_000)])
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        files = {member.name: tar.extractfile(member) for member in tar.getmembers() if member.isreg()}
        assert len(files) == len(tar.getmembers()), "regular files and nothing else"
        return {name: file.read() for name, file in files.items() if file}


@pytest.mark.parametrize("kind", REAL)
async def test_what_is_exchanged_while_tools_look_is_read_as_a_file_or_refused(kind: str, tmp_path: Path) -> None:
    async with open_box(kind, tmp_path) as box:
        token = box.spec.token.encode()
        await box.guest.create("swap.py", SWAPPER.encode())
        swapper = await box.start("python3 swap.py")
        taken: set[bytes] = set()
        shown: set[bytes] = set()
        with anyio.fail_after(40):
            for _ in range(ROUNDS):
                with suppress(InvalidSubmission):
                    taken |= set((await packed(box, "file")).values())
                with suppress(InvalidSubmission):
                    taken |= set((await packed(box, "deep/inner/file", "other")).values())
                with suppress(CommandRefused):
                    shown.add((await box.guest.view("file")).data)
                with suppress(CommandRefused):
                    shown.add(await box.guest.str_replace("file", b"mine", b"mine"))
                with suppress(CommandRefused):
                    await box.guest.write("deep/inner/file", MINE)
        assert (await box.guest.job_wait(swapper.job, wait_s=0)).running, "the names went on changing"
        assert taken <= {MINE, b""}, "what the agent wrote, or has not written yet"
        assert not any(token in text for text in shown)
        await box.guest.job_kill(swapper.job)
        assert await box.output("echo fine") == "fine\n"


HOSTILE_NAMES = [
    "two\nlines", "\x1b[2J\x1b]0;title\x07", "\u202egnp.exe", "a\u200bb", "-rf",
    "--checkpoint-action=exec=x", " ", "a" * 255, "'; touch hurt; '", "$(touch hurt)", "\\", "%s%n", "\x7f",
]  # fmt: skip


@pytest.mark.parametrize("kind", REAL)
async def test_names_are_only_names(kind: str, tmp_path: Path) -> None:
    async with open_box(kind, tmp_path) as box:
        for name in HOSTILE_NAMES:
            await box.guest.create(f"in/{name}", MINE)
        assert await packed(box, "in") == {f"in/{name}": MINE for name in HOSTILE_NAMES}
        assert await box.output("ls") == "in\n"
        for path in ("../../../etc/passwd", "/etc/passwd", "in/../../etc/passwd", "/proc/self/root/etc/passwd"):
            with pytest.raises(InvalidSubmission, match="within the workspace"):
                await packed(box, path)
        with pytest.raises(CommandRefused):
            await box.guest.create("b" * 256, MINE)
        with pytest.raises(CommandRefused):
            await box.guest.view("c/" * 5000)


@pytest.mark.parametrize("kind", REAL)
async def test_the_guests_own_part_of_proc_is_not_shown_by_its_tools(kind: str, tmp_path: Path) -> None:
    """Its tools run as the guest, which may read of itself what nobody else may."""
    async with open_box(kind, tmp_path) as box:
        for name in ("environ", "maps", "mem", "auxv", "status", "cmdline", "task/1/environ", "root/proc/self/maps"):
            for top in ("/proc/self", "/proc/1", "/proc/thread-self"):
                with pytest.raises(CommandRefused):
                    await box.guest.view(f"{top}/{name}")
        await box.run("ln -s /proc/self p; ln -s /proc/self/maps maps; ln -s /dev/fd fds")
        for path in ("p/environ", "maps", "p/root/proc/1/maps"):
            with pytest.raises(CommandRefused):
                await box.guest.view(path)
            with pytest.raises(CommandRefused):
                await box.guest.read(path, max_size=1000)
        for number in range(3, 40):
            with suppress(CommandRefused):
                assert box.spec.token.encode() not in (await box.guest.view(f"fds/{number}")).data
