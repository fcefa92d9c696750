"""Where the user's pip finds packages, to be told to the pip that runs where an image is built."""

import ast
import configparser
import importlib.util
import io
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from mlgym_mcp.sandbox import process

_PLACES = ("index-url", "extra-index-url", "find-links")
_HOSTS = "trusted-host"
_SECTIONS = ("global", "install", ":env:")
"""In pip's order: the last that names a setting is heard."""
_THIS_MACHINE = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True, slots=True)
class PipSettings:
    """Addresses, by pip's name for what they are. They may hold passwords: never log them."""

    values: dict[str, list[str]] = field(default_factory=dict)

    @property
    def addresses(self) -> list[str]:
        """Where packages are looked for."""
        return [url for name in _PLACES for url in self.values.get(name, ())]

    def as_config(self) -> str:
        """The text of a pip.conf."""
        config = configparser.RawConfigParser()
        config["global"] = {name: "\n".join(values) for name, values in self.values.items()}
        text = io.StringIO()
        config.write(text)
        return text.getvalue()


def on_this_machine(url: str) -> bool:
    """Whether an address is this machine's own, which a container reaches by the host's network alone."""
    return urlsplit(url).hostname in _THIS_MACHINE


async def find() -> PipSettings:
    """The settings in the files and variables that pip reads; none where there is no pip."""
    if importlib.util.find_spec("pip") is None:
        return PipSettings()
    listed = await process.run([sys.executable, "-I", "-m", "pip", "--disable-pip-version-check", "config", "list"])
    return parse(listed.output.splitlines()) if listed.exit_code == 0 else PipSettings()


def parse(lines: Iterable[str]) -> PipSettings:
    """What `pip config list` says (`global.index-url='https://…'`), without what is no address on the web."""
    said = dict(line.split("=", 1) for line in lines if "=" in line)
    found: dict[str, list[str]] = {}
    for name in (*_PLACES, _HOSTS):
        for section in _SECTIONS:
            if words := str(ast.literal_eval(said.get(f"{section}.{name}", "''"))).split():
                found[name] = [word for word in words if name == _HOSTS or word.startswith(("http://", "https://"))]
    return PipSettings({name: values for name, values in found.items() if values})
