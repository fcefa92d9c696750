"""`prune`: room is taken from what nobody needs, and who asks for it later is told."""

import os
import sqlite3
import subprocess
import time
from collections.abc import AsyncIterator
from contextlib import closing, suppress
from pathlib import Path

import pytest

from mlgym_mcp import lock
from mlgym_mcp.pruning import FLOOR, Bounds, Extent, Inventory, prune
from mlgym_mcp.settings import Settings
from mlgym_mcp.store import Owner, Store
from mlgym_mcp.tasks.catalog import Catalog
from tests.cli.terminal import folders, printed, refused
from tests.fakes import TASK, write_task
from tests.pruning.ages import LONG_AGO, aged, aged_folder
from tests.records import row, score

ALL = ("--max-size", "0B")


def left(folder: Path) -> set[str]:
    """The names of what is in a folder, without its lock."""
    return {path.stem for path in folder.iterdir()} - {".lock"}


def submitted(store: Store, session: str, artefact: str, phase: str = "submit", *outcomes: float | None) -> None:
    """An artefact that scored so, or failed through no fault of its own."""
    given = store.submissions.add(session, phase, artefact, size=3, at=3.0)
    for accuracy in outcomes:
        kind = score("infrastructure_fault") if accuracy is None else score(scores={"accuracy": accuracy})
        store.scores.add(given.id, kind.model_copy(update={"artefact": artefact, "phase": phase}), at=4.0)
    aged(store.folder / f"artefacts/{artefact}.tar")


def history(root: Path) -> None:
    """Two sessions that are over, one that waits for its verdict and one that goes on, with artefacts long unused."""
    write_task(root / "tasks")
    over = {"state": "submitted", "closed_at": LONG_AGO}
    with Store.open(root / "data") as store:
        store.sessions.add(row(store, "over", submission="final", **over))
        submitted(store, "over", "first", "validate", 0.2)
        submitted(store, "over", "best", "validate", 0.9)
        submitted(store, "over", "last", "validate", 0.5)
        submitted(store, "over", "final", "submit", 0.5)
        store.sessions.add(row(store, "held", submission="faulty", **over))
        submitted(store, "held", "faulty", "submit", None, None)
        store.sessions.add(row(store, "cut", state="cut_off", closed_at=LONG_AGO, submission="unscored"))
        submitted(store, "cut", "unscored")
        store.sessions.add(row(store, "live"))
        submitted(store, "live", "tried", "validate", 0.1)
    aged(root / "data/artefacts/nobodys.tar")


def pruned(root: Path, *options: str) -> str:
    return printed("prune", *options, *folders(root), MLGYM_MCP_CACHE_DIR=str(root / "cache"))


def test_artefacts_that_scores_or_sessions_need_stay_and_who_asks_for_another_is_told(tmp_path: Path) -> None:
    history(tmp_path)
    kept = {"best", "final", "faulty", "unscored", "tried"}
    dry = pruned(tmp_path, "--older-than", "30d", "--dry-run")
    assert left(tmp_path / "data/artefacts") == kept | {"first", "last", "nobodys"}
    table = pruned(tmp_path, "--older-than", "30d")
    [line] = [line.split() for line in table.splitlines() if line.startswith("artefacts")]
    assert (line[1], line[4]) == ("8", "5") and table.splitlines() == dry.splitlines()[:-1]
    assert left(tmp_path / "data/artefacts") == kept
    told = rf"last was pruned on {time.strftime('%Y-%m-%d', time.gmtime())} by `mlgym-mcp prune`"
    assert told in refused("results", "rescore", "last", "--sandbox", "bubblewrap", *folders(tmp_path))
    data = ("--data-dir", str(tmp_path / "data"))
    assert told in refused("results", "artefact", "last", "--to", str(tmp_path / "out"), *data)
    assert "prune" in printed("audit", *data)


def test_what_was_submitted_goes_only_where_that_is_asked_for(tmp_path: Path) -> None:
    history(tmp_path)
    pruned(tmp_path, *ALL, "--submitted")
    assert left(tmp_path / "data/artefacts") == {"faulty", "unscored", "tried"}


def test_without_a_bound_a_month_is_told_and_applied(tmp_path: Path) -> None:
    recent = aged(tmp_path / "data/artefacts/recent.tar")
    os.utime(recent, (time.time() - 20 * 24 * 3600,) * 2)
    aged(tmp_path / "data/artefacts/old.tar")
    assert "what was not used for 30d" in pruned(tmp_path)
    assert left(tmp_path / "data/artefacts") == {"recent"}
    assert "1 B are left" not in pruned(tmp_path, *ALL)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount")
def test_a_disk_that_is_full_is_pruned_as_soon_as_it_has_room_to_begin(tmp_path: Path) -> None:
    (tmp_path / "small").mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(tmp_path / "small")], check=True)
    try:
        history(tmp_path / "small")
        aged(tmp_path / "small/data/artefacts/nobodys.tar").write_bytes(b"x" * 200_000)
        aged(tmp_path / "small/data/artefacts/nobodys.tar")
        for room in (tmp_path / "small/data/prepared/1", tmp_path / "small/filler"):
            room.parent.mkdir(exist_ok=True)
            with open(room, "wb", buffering=0) as file, suppress(OSError):
                while room.name == "filler" or file.tell() < 100_000:
                    file.write(b"x" * 4096)
        said = refused("prune", *folders(tmp_path / "small"))
        assert f"remove a folder below {tmp_path / 'small/data/prepared'} by hand" in said
        (tmp_path / "small/data/prepared/1").unlink()
        pruned(tmp_path / "small")
        assert "nobodys" not in left(tmp_path / "small/data/artefacts")
    finally:
        subprocess.run(["umount", "--lazy", str(tmp_path / "small")], check=True)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--older-than", "old"), "--older-than is 'old', but should be minutes, hours or days, such as 45m, 12h"),
        (("--max-size", "lots"), "--max-size is 'lots', but should be a size such as 512MiB or 20GiB"),
    ],
)
def test_bounds_that_are_none_are_refused(tmp_path: Path, options: tuple[str, ...], said: str) -> None:
    assert said in refused("prune", *options, *folders(tmp_path))


def test_what_can_be_made_again_goes_and_what_is_being_made_or_asked_for_stays(tmp_path: Path) -> None:
    data, cache = tmp_path / "data", tmp_path / "cache"
    write_task(tmp_path / "tasks")
    with Store.open(data) as store:
        store.sessions.add(row(store, flavour="full"))
        part = aged(data / f"artefacts/.artefact.{store.instance.id}.0123456789ab.part")
        whole = [aged_folder(data / f"prepared/{TASK}/{name}") for name in ("full-01", "sample-01")]
        busy = aged_folder(data / f"prepared/{TASK}/sample-02")
        built = [aged_folder(cache / f"envs/base-0123456789a{digit}") for digit in "bc"]
        source = [aged(cache / f"sources/01ab/{name}") for name in ("train.csv", "train.csv.sha256")]
        download = [aged(cache / f"sources/downloads/01ab/{name}") for name in ("all.zip", "more.zip.part")]
        given = aged(data / f"sources/{TASK}/mine.csv")
        paper = aged(cache / "papers/01ab.txt")
        left_behind = [aged_folder(cache / name) for name in ("check-x1", "envs/base-0123456789ab.building")]
        left_behind += [aged_folder(data / f"prepared/{TASK}/sample-01.x1"), aged(data / "artefacts/.a.00.01.part")]
        os.utime(built[1])
        with lock.unless_held(busy.with_name("sample-02.lock")):
            told = pruned(tmp_path, *ALL)
    assert "1 came to be used meanwhile" in told and "are left, more than --max-size" in told
    stays = {part, whole[0], busy, built[1], source[1], given}
    goes = {whole[1], built[0], source[0], *download, paper, *left_behind}
    assert {path for path in stays | goes if path.exists()} == stays


def test_records_go_only_where_nothing_stands_on_them_and_the_database_shrinks(tmp_path: Path) -> None:
    over = {"state": "ended", "closed_at": LONG_AGO}
    history(tmp_path)
    with Store.open(tmp_path / "data") as store:
        for name in ("plain", "noted", "branch"):
            store.sessions.add(row(store, name, **over))
        for _ in range(200):
            event = store.events.begin("plain", "bash", "x" * 4096, at=1.0, key=None)
            store.events.finish(event, seconds=1.0)
        store.wishes.add("plain", "end", at=1.0)
        store.tokens.add("local", ("attempt",), session="plain", now=1.0, expires_at=2.0)
        store.tokens.add("ada", ("attempt",), now=1.0, expires_at=2.0)
        store.notes.add(Owner("local", "", TASK), "note", (), session="noted", at=1.0)
        gone = store.sessions.get("plain")
    assert gone is not None
    assert "tokens of sessions that let nobody in any more: 1" in pruned(tmp_path, *ALL)
    told = pruned(tmp_path, *ALL, "--sessions")
    assert "mlgym.sqlite: " in told
    with Store.open(tmp_path / "data") as store:
        assert {one.id for one in store.sessions.all()} == {"over", "held", "cut", "live", "noted"}
        assert [token.principal for token in store.tokens.list()] == ["ada"]
    with closing(sqlite3.connect(tmp_path / "data/mlgym.sqlite")) as connection:
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
        assert connection.execute("PRAGMA page_count").fetchone()[0] < 100
    assert "was pruned on" in refused("sessions", "export", gone.sandbox, "--data-dir", str(tmp_path / "data"))


async def stream(*parts: bytes) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


async def test_an_artefact_that_is_submitted_once_more_while_it_is_pruned_stays(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path / "data", cache_dir=tmp_path / "cache")
    with Store.open(settings.data_dir) as store, Store.open(settings.data_dir) as server:
        for content in (b"again", b"asked for", b"nobody's"):
            aged((await store.artefacts.add(stream(content))).path)
        [one, two, three] = [(await server.artefacts.add(stream(content))) for content in (b"again", b"x", b"y")]
        async with Inventory.open(store, Catalog([]), settings, Extent()) as inventory:
            report = await prune(inventory, Bounds(max_size=0), time.time())
        assert len(report.gone) == 2 and one.path.exists() and two.path.exists() and three.path.exists()
        aged(one.path)
        assert server.artefacts.get(one.sha256) == one  # its file is about to be read
        assert not await store.artefacts.remove(one.sha256, unused_since=time.time() - FLOOR)
