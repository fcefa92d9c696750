"""The next command to type, chosen by what was found: by `doctor`, and by whoever types no command at all."""

import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # imported by the commands that need them
    from mlgym_mcp.sandbox.probes import Finding
    from mlgym_mcp.settings import Settings

BY_ROOT = ("apt-get ", "sysctl ", "systemctl ", "usermod ")


def next_step(found: "Sequence[Finding]", settings: "Settings") -> str:
    """What to do next, and the command for it."""
    from mlgym_mcp import doctor
    from mlgym_mcp.store.folder import DATABASE

    wanted = doctor.NEEDED.get(settings.sandbox, ("python", "bubblewrap", "docker"))
    backends = [one for one in doctor.backends(list(found)) if one in wanted]
    if not backends:
        faults = [one for one in found if one.subject in wanted and not one.ok]
        fault = next((one for one in faults if one.fix), faults[0])
        return f"Mend this first, {fault.subject}: {as_typed(fault.fix or fault.detail)}"
    if not (settings.data_dir / DATABASE).is_file():
        return f"Watch an attempt: mlgym-mcp demo{'' if 'bubblewrap' in backends else f' --sandbox {backends[0]}'}"
    if client := _unconnected():
        return f"Connect your client: mlgym-mcp connect {client} --write"
    return "Serve clients over HTTP: mlgym-mcp serve --http"


def as_typed(fix: str) -> str:
    """A command that mends something, as this user has to type it."""
    return f"sudo {fix}" if fix.startswith(BY_ROOT) and os.geteuid() != 0 else fix


def _unconnected() -> str | None:
    """A client of this user's that is not connected yet."""
    from mlgym_clients.connect.clients import CLIENTS
    from mlgym_clients.connect.connecting import NAME
    from mlgym_clients.connect.documents import Document
    from mlgym_clients.connect.server import CannotConnect

    home = Path.home()
    for name, client in CLIENTS.items():
        path = home / client.file(sys.platform)
        if path.exists() or (path.parent != home and path.parent.is_dir()):
            with suppress(CannotConnect):
                if Document(path, client.section, NAME).present() is None:
                    return name
    return None
