"""What of pip's settings a build is told."""

import pytest

from mlgym_mcp.sandbox.pip_settings import on_this_machine, parse

FILES = ["global.index-url='http://files/simple'", "global.cert='/etc/ssl/ca.crt'"]


@pytest.mark.parametrize(
    ("lines", "values"),
    [
        (FILES, {"index-url": ["http://files/simple"]}),
        ([":env:.index-url='http://variable'", *FILES], {"index-url": ["http://variable"]}),
        ([":env:.index-url=''", *FILES], {"index-url": ["http://files/simple"]}),
        (["global.extra-index-url='file:///srv/simple\\nhttps://web'"], {"extra-index-url": ["https://web"]}),
        (["global.find-links='/opt/wheels'"], {}),
        (["install.trusted-host='web other'"], {"trusted-host": ["web", "other"]}),
        (["WARNING: something = else"], {}),
    ],
)
def test_addresses_on_the_web_are_told_the_last_that_pip_would_hear(
    lines: list[str], values: dict[str, list[str]]
) -> None:
    assert parse(lines).values == values


@pytest.mark.parametrize(("url", "own"), [("http://localhost:3141/x", True), ("http://mirror/localhost", False)])
def test_an_index_on_this_machine_is_known(url: str, own: bool) -> None:
    assert on_this_machine(url) is own
