"""Configuration files in JSON or TOML, one entry of which changes."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError

from mlgym_clients.connect.server import CannotConnect


@dataclass(frozen=True)
class Document:
    """A file as it is, and which of its entries is ours."""

    path: Path
    section: str
    name: str

    def snippet(self, entry: Mapping[str, Any]) -> str:
        """The entry alone, as it would be written there."""
        return self._render("", entry)

    def present(self) -> dict[str, Any] | None:
        """The entry that is there.

        Raises:
            CannotConnect: the file can't be read, or has another form.
        """
        found = self._parse(self._text()).get(self.section, {}).get(self.name)
        return None if found is None else dict(found)

    def changed(self, entry: Mapping[str, Any]) -> str:
        """The file's text with the entry in its place, and all else as it was.

        Raises:
            CannotConnect: the file can't be read, or has another form.
        """
        text = self._text()
        wanted = self._parse(text)
        wanted.setdefault(self.section, {})[self.name] = dict(entry)
        changed = self._render(text, entry)
        if self._parse(changed) != wanted:
            raise CannotConnect(f"{self.path} is written in a way that can't be changed safely; add the entry by hand.")
        return changed

    @property
    def _toml(self) -> bool:
        return self.path.suffix == ".toml"

    def _text(self) -> str:
        try:
            return self.path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return ""
        except (OSError, UnicodeDecodeError) as error:
            raise CannotConnect(f"{self.path} can't be read: {error}") from None

    def _parse(self, text: str) -> dict[str, Any]:
        try:
            document = tomlkit.parse(text).unwrap() if self._toml else json.loads(text.strip() or "{}")
        except (TOMLKitError, ValueError) as error:
            raise CannotConnect(
                f"{self.path} has comments or is broken ({error}), so it was left as it is: add the entry by hand, as "
                "shown without --write."
            ) from None
        if not isinstance(document, dict) or not isinstance(document.get(self.section, {}), dict):
            raise CannotConnect(f"{self.path} has no table {self.section!r} where one should be; it was left as it is.")
        return document

    def _render(self, text: str, entry: Mapping[str, Any]) -> str:
        if self._toml:
            toml = tomlkit.parse(text)
            servers = toml.setdefault(self.section, tomlkit.table(is_super_table=True))
            servers[self.name] = dict(entry)
            return tomlkit.dumps(toml)
        document = json.loads(text.strip() or "{}")
        document.setdefault(self.section, {})[self.name] = dict(entry)
        indentation = re.search(r"^[ \t]+", text, re.MULTILINE)
        return json.dumps(document, indent=indentation[0] if indentation else 2, ensure_ascii=False) + "\n"
