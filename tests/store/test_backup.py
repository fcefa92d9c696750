"""A backup is a data folder of its own: all that was recorded, and the artefacts, taken while a server writes."""

from pathlib import Path

from mlgym_mcp.sessions.manager import StartRequest
from mlgym_mcp.sessions.rescoring import Wanted, find, rescore
from mlgym_mcp.store import Store
from tests.cli.terminal import printed, refused
from tests.fakes import TASK, World


async def test_a_server_on_a_backup_has_all_scores_and_artefacts_and_has_lost_what_went_on(tmp_path: Path) -> None:
    world, restored = World(tmp_path / "here"), World(tmp_path / "there")
    options = ("backup", str(restored.folder / "data"), "--data-dir", str(world.folder / "data"))
    async with world.server() as (manager, store):
        over, live = [await manager.start(StartRequest(TASK)) for _ in range(2)]
        for session in (over, live):
            await session.bash("echo mine > answer.txt")
        scored = (await over.submit()).score
        (store.folder / "workspaces/c1.tar").write_bytes(b"a checkpoint's")
        [line] = printed(*options).splitlines()[:1]
        assert "5 files" in line  # the database, the secret, the audit log, an artefact, an archive
        await live.bash("true")
        assert "is not empty; name a new folder" in refused(*options)
        secret = store.secret
    assert not list(tmp_path.rglob("*.part"))
    async with restored.server() as (manager, store):
        assert store.secret == secret
        assert (await (await manager.get(over.id)).status()).score == scored
        assert (await manager.get(live.id)).state == "lost"
        assert [event.kind for event in store.events.list(live.id)].count("bash") == 1
        assert (await rescore(manager._services, find(store, Wanted("")))).outcome == "scored"


def test_a_backup_that_cannot_be_written_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    with Store.open(tmp_path / "data"):
        pass
    (tmp_path / "file").touch()
    said = refused("backup", str(tmp_path / "file/copy"), "--data-dir", str(tmp_path / "data"))
    assert "can't be used (File exists); name another folder" in said
