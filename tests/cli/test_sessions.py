"""`sessions`: attempts are listed, ended and exported from another process than their server's."""

import json
from functools import partial
from pathlib import Path

import anyio
import pytest
from anyio import to_thread

from mlgym_mcp.sessions.manager import StartRequest
from mlgym_mcp.store import Store
from tests.cli.terminal import folders, printed, refused
from tests.fakes import TASK, World
from tests.processes import stdio_server
from tests.records import row, score

SEXES = "battle-of-the-sexes-v1"
LIMIT = 60
"""Seconds for everything a test waits for; far more than it takes."""


def recorded(folder: Path, *names: str) -> list[str]:
    """The sandboxes of some sessions that are over."""
    with Store.open(folder / "data") as store:
        rows = [store.sessions.add(row(store, name, state="submitted", submission="a1")) for name in names]
        for name in names:
            kept = store.submissions.add(name, "submit", "a1", size=3, at=3.0)
            store.scores.add(kept.id, score(), at=4.0)
        return [one.sandbox for one in rows]


async def test_a_session_of_a_server_that_lives_is_ended_by_it(tmp_path: Path) -> None:
    world = World(tmp_path)
    async with world.server() as (manager, store):
        session = await manager.start(StartRequest(TASK))
        [found] = store.sessions.list()
        said: list[str] = []

        async def end() -> None:
            said.append(
                await to_thread.run_sync(partial(printed, "sessions", "end", found.sandbox, *folders(tmp_path)))
            )

        with anyio.fail_after(LIMIT):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(end)
                while store.wishes.of(session.id) is None:
                    await anyio.sleep(0.01)
                world.clock.advance(world.limits.tick_s)
        lines = list(store.audit.lines())
    assert said[0].splitlines()[-1] == f"{found.sandbox}: ended"
    # The operator asked, and the server did it by itself; neither is put down to who once started it.
    assert [(line["event"], line.get("principal")) for line in lines[1:]] == [
        ("sessions_end", "local"),
        ("session_ended", None),
    ]


async def test_a_server_that_does_not_look_in_time_is_told_of(tmp_path: Path) -> None:
    world = World(tmp_path)
    async with world.server() as (manager, store):
        await manager.start(StartRequest(TASK))
        [found] = store.sessions.list()
        end = partial(refused, "sessions", "end", found.sandbox, "--wait", "0", *folders(tmp_path))
        assert "has not ended it within 0 s" in await to_thread.run_sync(end)


async def test_a_session_whose_server_was_killed_is_taken_over_and_its_sandbox_removed(
    tmp_path: Path, cache_dir: Path
) -> None:
    async with stdio_server(tmp_path, cache_dir) as server:
        facts = (await server.call("start", task=SEXES, wait_s=50))["structuredContent"]
        assert facts["state"] == "open"
        server.process.kill()
    with Store.open(tmp_path / "data") as store:
        [found] = store.sessions.list()
    assert list((tmp_path / "data/sandboxes").glob(f"*{found.sandbox}*"))
    end = partial(
        printed, "sessions", "end", found.sandbox[:12], *folders(tmp_path), MLGYM_MCP_CACHE_DIR=str(cache_dir)
    )
    with anyio.fail_after(LIMIT):
        assert (await to_thread.run_sync(end)).splitlines()[-1] == f"{found.sandbox}: ended"
    assert not list((tmp_path / "data/sandboxes").glob(f"*{found.sandbox}*"))


def test_a_session_that_is_over_is_told_as_it_is(tmp_path: Path) -> None:
    [sandbox] = recorded(tmp_path, "s1")
    assert printed("sessions", "end", sandbox, *folders(tmp_path)) == f"{sandbox}: submitted\n"


def test_a_session_that_there_is_not_is_refused(tmp_path: Path) -> None:
    assert "no session has such a handle" in refused("sessions", "end", "0123", *folders(tmp_path))


def test_one_session_is_exported_to_the_terminal_or_to_a_file(tmp_path: Path) -> None:
    [sandbox] = recorded(tmp_path, "s1")
    data = ("--data-dir", str(tmp_path / "data"))
    document = json.loads(printed("sessions", "export", sandbox, *data))
    assert (document["session"], document["scores"][0]["artefact"]) == (sandbox, "a1")
    printed("sessions", "export", sandbox, "--to", str(tmp_path / "out/one.json"), *data)
    assert json.loads((tmp_path / "out/one.json").read_text()) == document


def test_brackets_in_a_path_are_printed_as_they_are(tmp_path: Path) -> None:
    [sandbox] = recorded(tmp_path, "secret-handle")
    place = tmp_path / "[/bold]" / "one.json"
    said = printed("sessions", "export", sandbox, "--to", str(place), "--data-dir", str(tmp_path / "data"))
    assert place.is_file() and "[/bold]" in said


def test_all_sessions_are_exported_to_a_folder_one_file_each(tmp_path: Path) -> None:
    sandboxes = recorded(tmp_path, "s1", "s2")
    data = ("--data-dir", str(tmp_path / "data"))
    assert len(printed("sessions", "export", "--all", *data).splitlines()) == 2
    printed("sessions", "export", "--all", "--format", "traj", "--to", str(tmp_path / "out"), *data)
    written = {path.name: json.loads(path.read_text()) for path in (tmp_path / "out").iterdir()}
    assert sorted(written) == sorted(f"{sandbox}.traj" for sandbox in sandboxes)
    assert {document["info"]["submission"] for document in written.values()} == {"a1"}


@pytest.mark.parametrize("named", [(), ("s1", "--all")], ids=["nothing", "both"])
def test_what_to_export_is_said_one_way(tmp_path: Path, named: tuple[str, ...]) -> None:
    recorded(tmp_path, "s1")
    assert "or say --all" in refused("sessions", "export", *named, "--data-dir", str(tmp_path / "data"))


def test_a_place_that_can_not_be_written_is_named(tmp_path: Path) -> None:
    recorded(tmp_path, "s1")
    (tmp_path / "file").touch()
    place = tmp_path / "file/one.json"
    assert str(place) in refused("sessions", "export", "s1", "--to", str(place), "--data-dir", str(tmp_path / "data"))
