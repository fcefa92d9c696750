"""Edits: what each command of `edit` asks of the guest."""

from dataclasses import dataclass

from mlgym_mcp.errors import CallerError
from mlgym_mcp.sandbox.guest import Guest
from mlgym_mcp.sessions.edit import EditRequest
from mlgym_mcp.sessions.replies import FileContent


@dataclass(frozen=True, slots=True)
class Edited:
    """What came of an edit; which field is set depends on the command."""

    content: FileContent | None = None
    overwrote: bool | None = None
    snippet: bytes | None = None


def check(request: EditRequest) -> None:
    """Refuse a request whose arguments don't fit its command.

    Raises:
        CallerError: one is missing or makes no sense; says which.
    """
    needed = {"create": ("file_text",), "str_replace": ("old_str",), "insert": ("insert_line", "new_str")}
    missing = [name for name in needed.get(request.command, ()) if getattr(request, name) is None]
    if missing:
        raise CallerError(f"`{request.command}` needs {' and '.join(missing)}.")
    if request.command == "str_replace" and not request.old_str:
        raise CallerError("`str_replace` needs an old_str that is not empty.")
    if request.view_range is not None:
        first, last = request.view_range
        if first < 1 or (last != -1 and last < first):
            raise CallerError("view_range is [first, last], counted from 1, with last -1 for the end of the file.")


async def edit(guest: Guest, request: EditRequest, key: str) -> Edited:
    """Do what a checked request asks for, once under its key.

    Raises:
        CommandRefused: the guest refused it; nothing was changed.
    """
    if request.command == "create":
        return Edited(overwrote=await guest.create(request.path, _encode(request.file_text), key=key))
    if request.command == "str_replace":
        old, new = _encode(request.old_str), _encode(request.new_str)
        return Edited(snippet=await guest.str_replace(request.path, old, new, key=key))
    if request.command == "insert":
        line, text = request.insert_line or 0, _encode(request.new_str)
        return Edited(snippet=await guest.insert(request.path, line, text, key=key))
    return Edited(content=await _view(guest, request))


async def _view(guest: Guest, request: EditRequest) -> FileContent:
    first, last = request.view_range or (None, None)
    view = await guest.view(request.path, first=first, last=None if last == -1 else last)
    return FileContent(view.kind, view.data, view.total_lines, view.truncated)


def _encode(text: str | None) -> bytes:
    return (text or "").encode("utf-8", "surrogateescape")
