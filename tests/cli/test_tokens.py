"""`tokens` and `audit`: who may use the server over HTTP, and who did what."""

import re
from pathlib import Path

import pytest

from mlgym_mcp.store import Tokens
from tests.cli.terminal import printed, refused


def data(tmp_path: Path) -> tuple[str, str]:
    return "--data-dir", str(tmp_path / "data")


def test_a_token_is_shown_once_listed_without_itself_revoked_and_all_of_it_audited(tmp_path: Path) -> None:
    options = ("--scope", "read", "--scope", "operate", "--expires", "30d", "--name", "laptop")
    said = printed("tokens", "create", "ada", *options, *data(tmp_path))
    secret = said.splitlines()[0]
    assert re.fullmatch(r"mlgym_[\w-]{43}", secret)
    listed = printed("tokens", "list", *data(tmp_path))
    assert secret not in listed
    [line] = [line for line in listed.splitlines() if "ada" in line]
    assert "read operate" in line and "laptop" in line and line.count("never") == 1
    token = line.split()[0]
    assert "revoked" in printed("tokens", "revoke", token, *data(tmp_path))
    with Tokens.open(tmp_path / "data") as tokens:
        row = tokens.find(secret)
        assert row is not None and row.refusal(0) == "was revoked"
    shown = printed("audit", "--since", "1h", "--principal", "ada", *data(tmp_path))
    assert ["token_made" in shown, "token_revoked" in shown, "local" in shown, secret in shown] == [True] * 3 + [False]
    assert "token_made" not in printed("audit", "--principal", "bob", *data(tmp_path))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("create", "local"), "can't be a principal"),
        (("create", "ada@elsewhere"), "can't be a principal"),
        (("create", "ada", "--scope", "all"), "there is no scope 'all'; there are: read, attempt, evaluate, operate"),
        (("create", "ada", "--expires", "soon"), "--expires is 'soon', but should be minutes, hours or days"),
        (("revoke", "00000000"), "there is no token '00000000'; see: mlgym-mcp tokens list"),
    ],
)
def test_what_makes_no_token_is_said(tmp_path: Path, arguments: tuple[str, ...], said: str) -> None:
    assert said in refused("tokens", *arguments, *data(tmp_path))
