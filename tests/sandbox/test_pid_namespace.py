"""A sandbox is killed by its process namespace, and nothing else is, whatever its process 1 has become."""

import os
import subprocess
import sys

from tests.processes import REPOSITORY

ALONE = ("unshare", "--user", "--map-root-user", "--pid", "--fork", "--kill-child", "--mount-proc")
"""In a namespace of its own, for what goes wrong here kills all."""
SCRIPT = """
import subprocess
from dataclasses import replace
from mlgym_mcp.sandbox.pid_namespace import kill_members
from mlgym_mcp.sandbox.process_identity import ProcessIdentity

def started(*command):
    process = subprocess.Popen([*command, "sh", "-c", "echo; exec sleep 1000"], stdout=subprocess.PIPE)
    process.stdout.readline()
    return process, ProcessIdentity.of(process.pid)

neighbour, known = started()
kill_members(known)
outer, _ = started("unshare", "--pid", "--fork", "--kill-child")
inner = ProcessIdentity.of(int(open(f"/proc/{outer.pid}/task/{outer.pid}/children").read()))
kill_members(replace(inner, started=0))
print(outer.poll() is None)
kill_members(inner)
print(outer.wait(20) != 0, neighbour.poll() is None)
"""


def test_only_the_members_of_a_namespace_that_is_not_ours_are_killed_and_only_while_its_first_process_lives() -> None:
    env = {"PATH": "/usr/bin:/bin", "PYTHONPATH": os.pathsep.join([str(REPOSITORY), *sys.path])}
    ended = subprocess.run([*ALONE, sys.executable, "-c", SCRIPT], env=env, capture_output=True, text=True, check=False)
    assert ended.stdout.split() == ["True"] * 3, ended.stderr
