"""`mlgym-mcp view`, as a process: a data folder in the browser of whoever started it, and of nobody else."""

import re
import signal
import subprocess
import sys
from pathlib import Path

import httpx2

from mlgym_mcp.store import Store
from tests.cli.terminal import refused
from tests.clients.reports import a_run
from tests.processes import environment
from tests.viewer.stage import read

COMMAND = (sys.executable, "-m", "mlgym_mcp", "view", "--port", "0")


def address(process: "subprocess.Popen[str]") -> str:
    """The next address that it prints."""
    assert process.stderr is not None
    [found] = re.findall(r"http://\S+", process.stderr.readline())
    return str(found)


def test_each_address_works_once_and_a_signal_ends_it(tmp_path: Path) -> None:
    with Store.open(tmp_path / "data"):
        pass
    variables = environment(tmp_path, tmp_path / "cache")
    with subprocess.Popen(COMMAND, env=variables, stderr=subprocess.PIPE, text=True) as process:
        first = address(process)
        with httpx2.Client(follow_redirects=True, verify=False) as owner, httpx2.Client(verify=False) as other:
            base = first.partition("/sign-in")[0]
            asked = other.get(base)
            assert (asked.status_code, "printed last" in read(asked)) == (401, True)
            front = owner.get(first)
            assert (str(front.url), "Nobody has started a session here yet." in read(front)) == (f"{base}/", True)
            assert other.get(first).status_code == 401
            assert other.get(address(process)).status_code == 303
            with owner.stream("GET", f"{base}/live") as stream:
                assert next(stream.iter_lines())
                process.send_signal(signal.SIGTERM)
                assert process.wait(30) == 0


def test_a_runs_folder_can_be_viewed_where_there_is_no_data_folder(tmp_path: Path) -> None:
    folder = a_run.make(tmp_path / "games", attempts=1).path
    variables = environment(tmp_path, tmp_path / "cache")
    with subprocess.Popen([*COMMAND, str(folder)], env=variables, stderr=subprocess.PIPE, text=True) as process:
        with httpx2.Client(follow_redirects=True, verify=False) as owner:
            front = owner.get(address(process))
            assert front.url.path == "/runs" and 'href="/runs/games"' in front.text
            assert "Methods over all tasks" in owner.get(str(front.url.copy_with(path="/runs/games"))).text
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    assert not (tmp_path / "data").exists()


def test_what_cannot_be_viewed_is_told_in_a_sentence(tmp_path: Path) -> None:
    data = ("--data-dir", str(tmp_path))
    assert "serve with tokens: mlgym-mcp serve --http" in refused("view", "--host", "0.0.0.0", *data)
    assert "there is no data folder" in refused("view", "--data-dir", str(tmp_path / "nowhere"))
    assert f"{tmp_path} is no run" in refused("view", str(tmp_path), *data)
    assert "mlgym.sqlite can't be opened" in refused("view", *data)
    (tmp_path / "mlgym.sqlite").touch()
    assert "was written by an older mlgym-mcp" in refused("view", *data)
