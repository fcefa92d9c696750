"""What is logged goes to stderr, without secrets."""

import json
import logging

import pytest
import structlog

from mlgym_mcp import log

HANDLE = "b3Zlci10aGUtaGlsbHMtYW5kLWZhci1hd2F5"


def test_a_handle_given_by_key_is_logged_as_a_fingerprint(capsys: pytest.CaptureFixture[str]) -> None:
    log.configure(form="json")
    structlog.get_logger().info("session_started", session=HANDLE, task="fmnist")
    out, err = capsys.readouterr()
    assert not out
    assert json.loads(err)["session"] == log.fingerprint(HANDLE)
    assert HANDLE not in err


@pytest.mark.parametrize(
    "text",
    [
        f"POST /s/{HANDLE}/mcp",
        f"mlgym://sessions/{HANDLE}/trajectory",
        f"Bearer {HANDLE}",
        f"with session ID: {HANDLE}",
        f"mlgym_{HANDLE}{HANDLE}"[:49],
    ],
)
def test_a_secret_inside_a_librarys_line_is_redacted(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    log.configure(form="json")
    logging.getLogger("a.library").info("client asked %s", text)
    err = capsys.readouterr().err
    assert "client asked" in err
    assert HANDLE not in err


def test_nothing_that_is_logged_acts_on_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    log.configure()
    acting = "\x1b]0;owned\x07 \x9b2J \u202egnp"
    logging.getLogger("a.library").warning(acting)
    try:
        raise ValueError(acting)
    except ValueError:
        structlog.get_logger().exception("failed", why=acting)
    err = capsys.readouterr().err
    assert err.count("owned") == 3
    assert err.isascii() and not {"\x1b", "\x07"} & set(err)


def test_lines_below_the_level_are_not_written(capsys: pytest.CaptureFixture[str]) -> None:
    log.configure("warning")
    structlog.get_logger().info("chatter")
    structlog.get_logger().warning("trouble")
    err = capsys.readouterr().err
    assert "chatter" not in err
    assert "trouble" in err
