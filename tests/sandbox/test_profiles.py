"""Profiles are found, and named by their content."""

import pytest

from mlgym_mcp.errors import SetupError
from mlgym_mcp.sandbox import profiles
from mlgym_mcp.sandbox.profiles import short_hash


def test_plain_is_bare_and_base_is_not() -> None:
    assert profiles.load("plain").bare
    assert "numpy==" in profiles.load("base").requirements


def test_an_unknown_profile_is_refused_with_those_there_are() -> None:
    with pytest.raises(SetupError, match="there are plain, base"):
        profiles.load("bsae")


def test_parts_of_a_hash_do_not_run_together() -> None:
    assert short_hash("ab", "c") != short_hash("a", "bc")
