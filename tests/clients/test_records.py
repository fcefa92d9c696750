"""A run's folder: what is written into it is read again, whatever agents wrote and whenever their run was killed."""

from pathlib import Path

import pytest
from mlgym_clients.records.attempt import AttemptKey
from mlgym_clients.records.folder import RunFolder
from mlgym_clients.records.message import Message

KEY = AttemptKey("3-sat-v1", "model", 1)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("one\u2028two\u2029three\x85four\x0bfive\nsix", id="characters that end lines elsewhere"),
        pytest.param("half a pair: \ud83d", id="half a surrogate pair"),
        pytest.param("\u202e<script>\x00\x1b[31m", id="controls"),
        pytest.param("x" * 1_000_000, id="a million characters"),
    ],
)
def test_any_text_is_read_as_it_was_written(tmp_path: Path, text: str) -> None:
    folder, event, message = (
        RunFolder(tmp_path),
        {"kind": "bash", "reply": {"tail": text}},
        Message(role="user", content=text),
    )
    folder.write_events(KEY, [event, event])
    folder.add_message(KEY, message)
    folder.add_message(KEY, message)
    assert folder.read_events(KEY) == [event, event]
    assert folder.read_messages(KEY) == [message, message]


def test_a_message_that_a_kill_cut_short_is_dropped_and_the_conversation_goes_on(tmp_path: Path) -> None:
    folder, said = RunFolder(tmp_path), [Message(role="user", content=text) for text in ("Begin.", "Go on.")]
    folder.add_message(KEY, said[0])
    with (folder.attempt_folder(KEY) / "messages.jsonl").open("ab") as file:
        file.write('{"role":"assistant","content":"é'.encode()[:-1])
    assert folder.read_messages(KEY) == said[:1]
    folder.add_message(KEY, said[1])
    assert folder.read_messages(KEY) == said
