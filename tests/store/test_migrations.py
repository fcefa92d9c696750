"""A store of any earlier version is brought to this one, whole and once; what can't be is refused and left alone."""

import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from mlgym_mcp.errors import SetupError
from mlgym_mcp.store import Owner, Store, Tokens
from mlgym_mcp.store.schema import STEPS
from tests.cli.terminal import refused
from tests.processes import environment
from tests.records import score

FILE = "mlgym.sqlite"
NOBODY = 65534
BEFORE = list(range(1, len(STEPS) + 1))
ROWS: dict[str, dict[str, Any]] = {
    "instances": {"id": "i1", "started_at": 1.0, "process": 7, "seen_at": 9.0},
    "sessions": {
        "id": "s1",
        "principal": "ada",
        "key": "k",
        "task": "toy-v1",
        "protocol": "strict",
        "flavour": "sample",
        "gpus": 1,
        "state": "submitted",
        "reason": None,
        "exit_status": "submitted",
        "created_at": 1.0,
        "closed_at": 8.0,
        "backend": "bubblewrap",
        "sandbox": "box",
        "token": "t",
        "lease_until": 9.0,
        "owner": "i1",
        "budget": "{}",
        "validated": "a1",
        "submission": "a1",
        "agent": "scribe",
        "aids": "memory",
    },
    "events": {"id": 1, "session": "s1", "kind": "bash", "key": "e", "at": 2.0, "request": "{}", "reply": "{}"},
    "submissions": {"id": 1, "session": "s1", "phase": "submit", "artefact": "a1", "size": 3, "at": 3.0},
    "scores": {"id": 1, "submission": 1, "at": 4.0, "outcome": "scored", "score": score().model_dump_json()},
    "wishes": {"session": "s1", "wish": "end", "at": 5.0},
    "gpu_leases": {"device": "GPU-1", "session": "s1", "at": 5.0},
    "checkpoints": {
        "id": 1,
        "session": "s1",
        "name": "c1",
        "archive": "w1",
        "size": 5,
        "cwd": "/workspace",
        "exports": b"x",
        "budget": "{}",
        "at": 6.0,
    },
    "notes": {
        "id": 1,
        "principal": "ada",
        "agent": "scribe",
        "task": "toy-v1",
        "session": "s1",
        "at": 7.0,
        "text": "small batches",
        "tags": "sgd",
    },
    "note_words": {"rowid": 1, "text": "small batches", "tags": "sgd"},
    "tokens": {
        "id": "t1",
        "hash": "h",
        "name": "laptop",
        "principal": "ada",
        "scopes": "read",
        "session": None,
        "created_at": 1.0,
    },
}


def written(folder: Path, version: int) -> Path:
    """A data folder as this version of the schema has it, with a row of each kind that it knows."""
    folder.mkdir(exist_ok=True)
    with closing(sqlite3.connect(folder / FILE)) as connection, connection:
        for step in STEPS[:version]:
            connection.executescript(step)
        for table, row in ROWS.items():
            known = {found[1] for found in connection.execute(f"PRAGMA table_info({table})")} | {"rowid"}
            values = {name: value for name, value in row.items() if name in known}
            if len(known) > 1:
                marks = ", ".join(f":{name}" for name in values)
                connection.execute(f"INSERT INTO {table} ({', '.join(values)}) VALUES ({marks})", values)
        connection.execute(f"PRAGMA user_version = {version}")
    return folder


def version_of(folder: Path) -> int:
    with closing(sqlite3.connect(folder / FILE)) as connection:
        return int(connection.execute("PRAGMA user_version").fetchone()[0])


def content(folder: Path) -> dict[str, bytes]:
    """The database's files, without the index that its readers share."""
    return {path.name: path.read_bytes() for path in folder.glob(f"{FILE}*") if not path.name.endswith("-shm")}


@pytest.mark.parametrize("version", BEFORE)
def test_all_that_an_earlier_version_kept_is_read_by_this_one(tmp_path: Path, version: int) -> None:
    with Store.open(written(tmp_path, version)) as store:
        session = store.sessions.get("s1")
        assert session is not None and (session.sandbox, session.submission) == ("box", "a1")
        assert (session.agent, session.aids) == (("scribe", "memory") if version >= 5 else (None, ""))
        assert [event.kind for event in store.events.list("s1")] == ["bash"]
        assert [one.artefact for one in store.submissions.list("s1")] == ["a1"]
        assert [(one.artefact, one.score) for one in store.scores.standings("toy-v1")] == [("a1", score())]
        assert store.wishes.of("s1") == ("end" if version >= 2 else None)
        assert [lease.device for lease in store.gpu_leases.all()] == ["GPU-1"] * (version >= 3)
        assert [one.archive for one in store.checkpoints.of("s1")] == ["w1"] * (version >= 4)
        notes = store.notes.search(Owner("ada", "scribe", "toy-v1"), "batches", 5)
        assert [note.tags for note in notes] == [("sgd",)] * (version >= 5)
        assert [token.name for token in store.tokens.list()] == ["laptop"] * (version >= 6)
        assert store.last_seen("i1") == (9.0 if version >= 7 else None)
    assert version_of(tmp_path) == len(STEPS)


def test_several_servers_at_once_bring_a_store_to_this_version_once(tmp_path: Path) -> None:
    written(tmp_path, 1)

    def opened(_: int) -> int:
        with Store.open(tmp_path) as store:
            return len(store.sessions.all())

    with ThreadPoolExecutor(8) as servers:
        assert list(servers.map(opened, range(8))) == [1] * 8
    assert version_of(tmp_path) == len(STEPS)


KILLED = """
import os, sys
from pathlib import Path
from mlgym_mcp.store.database import Database

left = int(sys.argv[2])
execute = Database._execute

def counted(self, statement, values=None):
    global left
    if self._depth:
        left -= 1
        if not left:
            os.kill(os.getpid(), 9)
    return execute(self, statement, values)

Database._execute = counted
with Database.open(Path(sys.argv[1])):
    pass
"""


@pytest.mark.parametrize("after", [4, 9, 14])
def test_a_server_that_is_killed_in_the_midst_of_a_step_leaves_the_version_before(tmp_path: Path, after: int) -> None:
    folder = written(tmp_path / "data", 3)
    killed = [sys.executable, "-c", KILLED, str(folder / FILE), str(after)]
    ended = subprocess.run(killed, env=environment(tmp_path, tmp_path), check=False)
    assert (ended.returncode, version_of(folder)) == (-9, 3)
    with Store.open(folder) as store:
        assert len(store.sessions.all()) == 1


def test_a_newer_store_is_refused_and_left_as_it_is_to_the_byte(tmp_path: Path) -> None:
    made, folder = written(tmp_path / "made", len(STEPS)), tmp_path / "data"
    with closing(sqlite3.connect(made / FILE)) as newer:
        for statement in ("PRAGMA journal_mode = WAL", "PRAGMA user_version = 99", "CREATE TABLE later (x)"):
            newer.execute(statement)
        shutil.copytree(made, folder)  # as a crash leaves it: the last two are in the journal alone
    before = content(folder)
    said = [refused(*command, "--data-dir", str(folder)) for command in (("sessions", "list"), ("tokens", "list"))]
    serve = [sys.executable, "-m", "mlgym_mcp", "serve", "--http", "--port", "0"]
    settings = environment(tmp_path, tmp_path)
    [line] = subprocess.run(serve, env=settings, stderr=subprocess.PIPE, text=True, check=False).stderr.splitlines()
    assert all("written by a newer mlgym-mcp; upgrade" in one for one in [*said, line])
    assert (len(before), content(folder)) == (2, before)


def no_database(file: Path) -> None:
    file.write_text("notes of mine\n" * 500)


def damaged(file: Path) -> None:
    written(file.parent, 7)
    whole = file.read_bytes()
    file.write_bytes(whole[:100] + b"\xff" * 3996 + whole[4096:])


def a_folder(file: Path) -> None:
    file.mkdir()


def of_another_program(file: Path) -> None:
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("CREATE TABLE sessions (cookie TEXT)")


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (no_database, "is no database; restore it from a backup, or move it away"),
        (damaged, "is damaged; restore it from a backup, or move it away"),
        (a_folder, "is a folder, but should be a database; move it away, or set MLGYM_MCP_DATA_DIR"),
        (of_another_program, "is another program's database; move it away, or set MLGYM_MCP_DATA_DIR"),
    ],
)
def test_what_is_no_store_is_refused_in_a_sentence_and_left_as_it_is(tmp_path: Path, spoil: Any, said: str) -> None:
    spoil(tmp_path / FILE)
    before = (tmp_path / FILE).is_file() and content(tmp_path)
    for command in (("sessions", "list"), ("tokens", "list"), ("results", "list", "battle-of-the-sexes-v1")):
        assert f"{FILE} {said}" in refused(*command, "--data-dir", str(tmp_path))
    assert ((tmp_path / FILE).is_file() and content(tmp_path)) == before


@contextmanager
def as_nobody() -> Iterator[Path]:
    """A data folder that the user of the block, who is not root, may use, and what is root's in it not."""
    if os.geteuid() != 0:
        pytest.skip("only root may become another user")
    with tempfile.TemporaryDirectory() as above:
        folder = Path(above, "data")
        with Store.open(folder):
            pass
        for path in (above, folder, folder / "instances"):
            os.chown(path, NOBODY, NOBODY)
        os.seteuid(NOBODY)
        try:
            yield folder
        finally:
            os.seteuid(0)


@pytest.mark.parametrize("name", [FILE, "secret", "instances"])
def test_what_another_user_has_made_in_the_data_folder_is_named(name: str) -> None:
    with as_nobody() as folder:
        os.seteuid(0)
        for path in folder.iterdir():
            os.chown(path, *((0, 0) if path.name == name else (NOBODY, NOBODY)))
            path.chmod(0o700)
        os.seteuid(NOBODY)
        with pytest.raises(SetupError, match=rf"{name}.*(MLGYM_MCP_DATA_DIR)"), Store.open(folder):
            pass


def test_a_damaged_page_that_is_met_later_is_told_with_what_to_do(tmp_path: Path) -> None:
    written(tmp_path, 7)
    with closing(sqlite3.connect(tmp_path / FILE)) as connection:
        page = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'sessions'").fetchone()[0]
        size = connection.execute("PRAGMA page_size").fetchone()[0]
    whole = (tmp_path / FILE).read_bytes()
    begin = (page - 1) * size
    (tmp_path / FILE).write_bytes(whole[:begin] + b"\xff" * size + whole[begin + size :])
    assert "is damaged; restore it from a backup" in refused("sessions", "list", "--data-dir", str(tmp_path))
    with Tokens.open(tmp_path) as tokens:
        assert [row.name for row in tokens.list()] == ["laptop"]
