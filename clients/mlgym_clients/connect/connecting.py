"""Our server put among a client's own, or shown how."""

import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlgym_clients.connect.clients import Client
from mlgym_clients.connect.documents import Document
from mlgym_clients.connect.server import CannotConnect, Server

NAME = "mlgym"


@dataclass(frozen=True)
class Connection:
    """A client's file, and what is to stand there."""

    client: Client
    document: Document
    entry: dict[str, Any]

    @property
    def snippet(self) -> str:
        """What to add to the file by hand."""
        return self.document.snippet(self.entry)

    def write(self, *, force: bool = False) -> str:
        """Put it there, and say what was done; what is there already stays as it is.

        Args:
            force: Replace another entry of our name.

        Raises:
            CannotConnect: the file has another entry of our name, comments in JSON, or another form.
        """
        path, present = self.document.path, self.document.present()
        if present == self.entry:
            return f"{path} has it already; nothing was changed."
        if present is not None and not force:
            raise CannotConnect(
                f"{path} has another server named {NAME!r}:\n{self.document.snippet(present)}Replace it by --force."
            )
        text = self.document.changed(self.entry)
        kept = _replace(path.resolve(), text)
        done = "Replaced" if present is not None else "Added"
        return f"{done} {NAME!r} in {path}" + (f"; as it was before: {kept}" if kept else "")


def connection(client: Client, server: Server, *, platform: str, home: Path, project: Path | None) -> Connection:
    """What connects a client.

    Raises:
        CannotConnect: the client can't be connected so.
    """
    path = client.path(platform=platform, home=home, project=project)
    return Connection(client, Document(path, client.section, NAME), client.entry(server))


def _replace(path: Path, text: str) -> Path | None:
    """Write a file whole or not at all; returns the copy of what it was, that nobody else may read either."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        before = path.read_bytes() if path.exists() else None
        mode = path.stat().st_mode if before is not None else 0o600
        kept = path.with_name(f"{path.name}.{time.strftime('%Y%m%d-%H%M%S')}.bak") if before is not None else None
        for file, content in ((kept, before), (beside, text.encode())):
            if file is not None and content is not None:
                file.touch(mode=0o600)
                file.write_bytes(content)
                file.chmod(mode)
        beside.replace(path)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise CannotConnect(f"{path} can't be written: {error}") from None
    return kept
