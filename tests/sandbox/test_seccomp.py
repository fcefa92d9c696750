"""The filter of system calls: every call it names is denied in a sandbox, and what it leaves still works."""

import platform
import struct
from pathlib import Path

import pytest

from mlgym_mcp.sandbox import seccomp
from mlgym_mcp.sandbox.calls import CALLS
from tests.sandbox.boxes import open_box

EPERM, ENOSYS = 1, 38


def test_a_machine_whose_calls_are_not_known_gets_no_filter() -> None:
    assert "riscv64" not in seccomp.bpf_filters()


@pytest.mark.parametrize("machine", sorted(CALLS))
def test_every_jump_of_a_filter_lands_within_it(machine: str) -> None:
    steps = list(struct.iter_unpack("HBBI", seccomp.bpf_filter(machine)))
    for place, (code, if_true, if_false, _) in enumerate(steps):
        if code & 0x07 == 0x05:
            assert place + 1 + max(if_true, if_false) < len(steps)
    assert steps[-1] == (seccomp.RETURN, 0, 0, seccomp.ALLOW)


@pytest.mark.parametrize("kind", ["bubblewrap", pytest.param("docker", marks=pytest.mark.docker)])
async def test_every_denied_call_fails_with_the_expected_error(kind: str, tmp_path: Path) -> None:
    machine = platform.machine()
    if machine not in CALLS:
        pytest.skip("no filter for this machine")
    denied = seccomp.denied(machine)
    program = f"""python3 - <<'END'
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
for name, number in {denied!r}.items():
    print(name, libc.syscall(number, -1, -1, -1, -1, -1, -1), ctypes.get_errno())
END"""
    async with open_box(kind, tmp_path) as box:
        lines = (await box.output(program)).splitlines()
    assert len(lines) == len(denied)
    for line in lines:
        name, result, error = line.split()
        assert (int(result), int(error)) == (-1, ENOSYS if name in seccomp.ABSENT else EPERM), name
