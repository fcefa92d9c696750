"""The store keeps what it was given, whole, for several servers at once."""

import stat
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from mlgym_mcp.errors import SetupError, StoreError
from mlgym_mcp.scoring.score import Outcome
from mlgym_mcp.seed import secret_hash
from mlgym_mcp.store import Store
from tests.records import row, score


async def chunks(*parts: bytes, error: Exception | None = None) -> AsyncIterator[bytes]:
    for part in parts:
        yield part
    if error is not None:
        raise error


def test_what_one_server_wrote_the_next_one_reads(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        kept = store.sessions.add(row(store))
        event = store.events.begin("s1", "bash", '{"command": "true"}', at=2.0)
        store.events.finish(event, seconds=0.5, reply="{}")
        submission = store.submissions.add("s1", "submit", "a1", size=3, at=3.0)
        store.scores.add(submission.id, score(), at=4.0)
    with Store.open(tmp_path) as store:
        assert store.sessions.get("s1") == kept
        assert [(event.kind, event.seconds, event.finished) for event in store.events.list("s1")] == [
            ("bash", 0.5, True)
        ]
        assert store.submissions.list("s1") == [submission]
        assert [found.score for found in store.scores.of_session("s1")] == [score()]
        assert [found.artefact for found in store.scores.of_task("toy-v1")] == ["a1"]


def test_neither_handle_nor_token_is_in_the_repr_of_a_session(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        assert "hush" not in repr(row(store, "hush-handle", token="hush-token"))


def test_only_the_owner_writes_a_session(tmp_path: Path) -> None:
    with Store.open(tmp_path) as one, Store.open(tmp_path) as two:
        kept = one.sessions.add(row(one))
        assert two.sessions.claim("s1", old=one.instance.id, new=two.instance.id)
        assert not one.sessions.claim("s1", old=one.instance.id, new=one.instance.id)
        with pytest.raises(StoreError, match="belongs to another server"):
            one.sessions.save(replace(kept, state="lost"))
        two.sessions.save(replace(kept, owner=two.instance.id, state="ended"))
        assert [found.state for found in one.sessions.list()] == ["ended"]


def test_a_principal_has_one_session_for_each_key(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        first = store.sessions.add(row(store, "s1", key="k"))
        assert store.sessions.add(row(store, "s2", key="k")) == first
        assert store.sessions.add(row(store, "s3", key="k", principal="other")).id == "s3"
        assert store.sessions.add(row(store, "s4")).id == "s4"
        assert store.sessions.add(row(store, "s5")).id == "s5"


def test_only_a_server_that_makes_sandboxes_leaves_its_name(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        assert store.database.rows("SELECT id FROM instances") == []
        assert store.sandbox_id() != store.sandbox_id()
        assert [row["id"] for row in store.database.rows("SELECT id FROM instances")] == [store.instance.id]


def test_sessions_are_found_by_sandbox_state_and_principal(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        first = store.sessions.add(row(store, "s1"))
        store.sessions.add(row(store, "s2", principal="other", state="lost", created_at=2.0))
        assert store.sessions.by_sandbox(first.sandbox) == first
        assert store.sessions.by_sandbox("absent") is None
        assert [found.id for found in store.sessions.live()] == ["s1"]
        assert [found.id for found in store.sessions.list()] == ["s2", "s1"]
        assert [found.id for found in store.sessions.list(principal="other")] == ["s2"]


def test_a_session_has_one_event_for_each_key_until_it_is_forgotten(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        store.sessions.add(row(store))
        event = store.events.begin("s1", "bash", "{}", at=1.0, key="k")
        with pytest.raises(StoreError):
            store.events.begin("s1", "bash", "{}", at=1.0, key="k")
        found = store.events.by_key("s1", "k")
        assert found is not None
        assert (found.id, found.finished) == (event, False)
        store.events.forget_key(event)
        assert store.events.by_key("s1", "k") is None


def test_a_transaction_is_all_or_nothing(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        store.sessions.add(row(store))
        with pytest.raises(ZeroDivisionError), store.write(durable=True):
            store.events.begin("s1", "bash", "{}", at=1.0)
            raise ZeroDivisionError
        assert store.events.list("s1") == []
        store.events.begin("s1", "bash", "{}", at=1.0)
        assert len(store.events.list("s1")) == 1


@pytest.mark.parametrize(
    ("outcomes", "held"),
    [
        (("infrastructure_fault",), False),
        (("scored", "infrastructure_fault", "infrastructure_fault"), True),
        (("infrastructure_fault", "scored", "infrastructure_fault"), False),
        (("infrastructure_fault", "infrastructure_fault", "scored"), False),
    ],
)
def test_an_artefact_is_held_from_its_second_fault_in_a_row_until_its_verdict(
    tmp_path: Path, outcomes: tuple[Outcome, ...], held: bool
) -> None:
    with Store.open(tmp_path) as store:
        store.sessions.add(row(store))
        submission = store.submissions.add("s1", "submit", "a1", size=3, at=3.0)
        for outcome in outcomes:
            store.scores.add(submission.id, score(outcome), at=4.0)
        assert (store.scores.held("s1", "submit", "a1") is not None) is held
        assert store.scores.held("s1", "validate", "a1") is store.scores.held("s1", "submit", "a2") is None
        assert (store.scores.settled("s1", "submit", "a1") is not None) is ("scored" in outcomes)


def test_a_wish_lasts_and_the_last_one_counts(tmp_path: Path) -> None:
    with Store.open(tmp_path) as one, Store.open(tmp_path) as two:
        one.sessions.add(row(one))
        assert one.wishes.of("s1") is None
        for at in (1.0, 2.0):
            two.wishes.add("s1", "end", at=at)
        assert one.wishes.of("s1") == "end"
        with pytest.raises(StoreError):
            one.wishes.add("nobody", "end", at=1.0)


def test_only_a_session_that_was_submitted_is_released_by_others_than_its_owner(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        for name, state in [("s1", "submitted"), ("s2", "open")]:
            store.sessions.add(row(store, name, state=state, reason="held"))
            store.sessions.release(name, "submitted")
        kept = {found.id: (found.reason, found.exit_status) for found in store.sessions.all()}
        assert kept == {"s1": (None, "submitted"), "s2": ("held", None)}


def test_artefacts_and_submissions_are_found_by_the_beginning_of_a_hash(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        store.sessions.add(row(store))
        for name in ("abc1", "abc2"):
            store.submissions.add("s1", "submit", name, size=3, at=3.0)
            (tmp_path / "artefacts" / f"{name}.tar").write_bytes(b"tar")
        (tmp_path / "artefacts/.abc.part").touch()
        assert [found.artefact for found in store.submissions.of_artefact("abc")] == ["abc1", "abc2"]
        assert [(found.sha256, found.size) for found in store.artefacts.named("abc2")] == [("abc2", 3)]
        assert store.submissions.of_artefact("%") == []
        assert store.artefacts.named("*") == store.artefacts.named("../a") == []


def test_a_server_lives_for_as_long_as_it_holds_its_lock(tmp_path: Path) -> None:
    with Store.open(tmp_path) as one:
        with Store.open(tmp_path) as two:
            assert not one.instance.free(two.instance.id)
            assert not one.instance.free(one.instance.id)
            sandbox = two.sandbox_id()
            assert not one.abandoned(sandbox)
            two.instance.release()
            assert one.instance.free(two.instance.id)
        assert one.abandoned(sandbox)
        assert one.instance.free(None)
        assert not one.abandoned("0123456789abcdef")


async def test_an_artefact_is_kept_under_its_hash(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        first = await store.artefacts.add(chunks(b"ab", b"c"))
        assert first.sha256 == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        assert (first.path.read_bytes(), first.size) == (b"abc", 3)
        assert await store.artefacts.add(chunks(b"abc")) == first == store.artefacts.get(first.sha256)
        assert store.artefacts.get("0" * 64) is None


async def test_nothing_is_left_of_a_stream_that_fails(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        with pytest.raises(OSError, match="lost"):
            await store.artefacts.add(chunks(b"ab", error=OSError("lost")))
        assert list((tmp_path / "artefacts").iterdir()) == []


def test_the_secret_is_drawn_once_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    with Store.open(tmp_path) as one, Store.open(tmp_path) as two:
        assert one.secret == two.secret
        assert one.secret_hash == secret_hash(one.secret) and len(one.secret_hash) == 64
        assert one.secret.hex() not in one.secret_hash
    assert stat.S_IMODE((tmp_path / "secret").stat().st_mode) == 0o600
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o700


def test_a_damaged_secret_is_refused(tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"short")
    with pytest.raises(StoreError, match="should hold 32 bytes, but holds 5"), Store.open(tmp_path):
        pass


def test_a_folder_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SetupError, match="can't be used"), Store.open(tmp_path / "file"):
        pass


def test_of_long_trajectories_the_beginning_is_had(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        store.sessions.add(row(store, "s1"))
        for number in range(5):
            store.events.begin("s1", "bash", f'"{number:08}"', at=0.0)
        events, count = store.events.beginning("s1", 35)
        assert ([event.request for event in events], count) == ([f'"{number:08}"' for number in range(3)], 5)
