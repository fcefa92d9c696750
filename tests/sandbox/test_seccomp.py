"""The filter of system calls: every call it names is denied in a sandbox, and what it leaves still works."""

import platform
import struct
from pathlib import Path

import pytest

from mlgym_mcp.sandbox import seccomp
from tests.sandbox.boxes import open_box

EPERM, ENOSYS = 1, 38


def test_a_machine_whose_calls_are_not_known_gets_no_filter() -> None:
    assert seccomp.bpf_filter("riscv64") is None


@pytest.mark.parametrize("machine", sorted(seccomp.DENIED))
def test_every_jump_of_a_filter_lands_within_it(machine: str) -> None:
    program = seccomp.bpf_filter(machine)
    assert program is not None
    steps = list(struct.iter_unpack("HBBI", program))
    for place, (code, if_true, if_false, _) in enumerate(steps):
        if code & 0x07 == 0x05:
            assert place + 1 + max(if_true, if_false) < len(steps)
    assert steps[-1] == (seccomp.RETURN, 0, 0, seccomp.EPERM)


async def test_every_denied_call_fails_with_the_expected_error(tmp_path: Path) -> None:
    machine = platform.machine()
    if machine not in seccomp.DENIED:
        pytest.skip("no filter for this machine")
    denied = {**seccomp.DENIED[machine], **seccomp.COMMON}
    program = f"""python3 - <<'END'
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
for name, number in {denied!r}.items():
    print(name, libc.syscall(number, -1, -1, -1, -1, -1, -1), ctypes.get_errno())
clone, namespaces = {seccomp.CLONE[machine]}, 0x7E020000
for bit in range(32):
    if namespaces >> bit & 1:
        print("clone", libc.syscall(clone, 1 << bit | 17, 0, 0, 0, 0), ctypes.get_errno())
print("prlimit", libc.syscall({seccomp.PRLIMIT[machine]}, 1, 7, 0, 0), ctypes.get_errno())
END"""
    async with open_box("bubblewrap", tmp_path) as box:
        lines = (await box.output(program)).splitlines()
    assert len(lines) == len(denied) + 9 - 1
    for line in lines:
        name, result, error = line.split()
        assert (int(result), int(error)) == (-1, ENOSYS if name == "clone3" else EPERM), name


async def test_threads_processes_and_own_limits_still_work(tmp_path: Path) -> None:
    program = """python3 - <<'END'
import multiprocessing, resource, subprocess, threading
thread = threading.Thread(target=lambda: print("thread", flush=True)); thread.start(); thread.join()
print(subprocess.run(["echo", "process"], capture_output=True, text=True).stdout, end="", flush=True)
with multiprocessing.get_context("fork").Pool(2) as pool:
    print(sum(pool.map(abs, [-1, -2])), flush=True)
resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
END"""
    async with open_box("bubblewrap", tmp_path) as box:
        assert await box.output(program) == "thread\nprocess\n3\n"
