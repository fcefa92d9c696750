"""The text of a PDF, which may be hostile: taken by a child process with limits, never by the server."""

import importlib.util
import subprocess
import sys

import anyio

from mlgym_mcp.errors import NotAvailable, SetupError
from mlgym_mcp.literature import extract

MAGIC = b"%PDF-"


def require_reader() -> None:
    """Refuse to go on without what reads PDFs.

    Raises:
        SetupError: it is not installed.
    """
    if importlib.util.find_spec("pypdf") is None:
        raise SetupError("papers can't be read without pypdf; install it: pip install 'mlgym-mcp[literature]'")


async def text_of(pdf: bytes) -> str:
    """The text of a PDF, a form feed after each page, as far as the limits of the child go.

    Raises:
        NotAvailable: it is no PDF, or one that can't be read.
    """
    if MAGIC not in pdf[:1024]:
        raise NotAvailable("What lies there is no PDF; try the address of the PDF itself.")
    command = [sys.executable, "-I", extract.__file__]
    child = await anyio.run_process(command, input=pdf, check=False, stderr=subprocess.DEVNULL, env={}, cwd="/")
    text = child.stdout.decode("utf-8", "replace")
    if not text.strip():
        raise NotAvailable("The PDF has no text that can be read here: it may be scanned, locked or broken.")
    return text
