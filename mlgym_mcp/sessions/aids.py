"""Aids: what a session may have beside its sandbox. Whoever reads its scores is told of them.

They answer for one step each, as in the original, where all that an agent does is a step.
"""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Literal

import anyio

from mlgym_mcp.errors import CallerError, NotAvailable
from mlgym_mcp.sessions.acceptance import accepted
from mlgym_mcp.sessions.call import PATIENT, Call
from mlgym_mcp.sessions.ledger import Ledger
from mlgym_mcp.sessions.lodging import Lodging
from mlgym_mcp.sessions.replies import AidReply
from mlgym_mcp.sessions.shared import Shared
from mlgym_mcp.sessions.verdicts import Verdicts
from mlgym_mcp.store import Note, Owner

Aid = Literal["memory", "literature"]
AIDS: tuple[Aid, ...] = ("memory", "literature")

LONGEST_NOTE = 4000
"""Characters."""
MOST_TAGS = 10
LONGEST_TAG = 40
"""Characters."""

Work = Callable[[], Awaitable[str]]
Answer = Callable[[str, type[AidReply], Call, Callable[[], Awaitable[AidReply]]], Awaitable[AidReply]]
"""Does work once under its call's key, and waits for it as long as the caller would."""


class Aids:
    """The aids of one session."""

    def __init__(self, shared: Shared, ledger: Ledger, lodging: Lodging, verdicts: Verdicts, answer: Answer) -> None:
        self._services = shared.services
        self._ledger = ledger
        self._lodging = lodging
        self._verdicts = verdicts
        self._answer = answer

    async def write_note(self, text: str, tags: tuple[str, ...] = (), *, call: Call = PATIENT) -> AidReply:
        """Keep a note for the agent's later sessions on this task. One step.

        Raises:
            CallerError: it is too long, or the session has no memory.
            SessionBusy, SessionClosed, BudgetSpent: as for `bash`.
        """
        _require_fitting(text, tags)

        async def work() -> str:
            row, notes = self._ledger.row, self._services.store.notes
            count = notes.add(self._owner, text, tags, session=row.id, at=self._ledger.now)
            return f"Kept: note {count} of this agent on this task."

        return await self._use("memory", "memory_write", {"text": text, "tags": list(tags)}, work, call)

    async def read_notes(self, query: str, limit: int, *, call: Call = PATIENT) -> AidReply:
        """The agent's notes that fit a query best, of this and earlier sessions on this task. One step.

        Raises:
            CallerError: the session has no memory.
            SessionBusy, SessionClosed, BudgetSpent: as for `bash`.
        """

        async def work() -> str:
            found = self._services.store.notes.search(self._owner, query, limit)
            return "\n\n".join(map(_note_text, found)) or "No note fits."

        return await self._use("memory", "memory_read", {"query": query, "limit": limit}, work, call)

    async def search_papers(self, query: str, limit: int, *, call: Call = PATIENT) -> AidReply:
        """Papers about something, those that can be read first. One step.

        Raises:
            NotAvailable: they can't be searched now. Free.
            SessionBusy, SessionClosed, BudgetSpent: as for `bash`.
        """
        literature = self._services.literature
        request = {"query": query, "limit": limit}
        return await self._use("literature", "search_papers", request, lambda: literature.search(query, limit), call)

    async def read_paper(self, paper: str, page: int, *, call: Call = PATIENT) -> AidReply:
        """A page of a paper's text. One step.

        Raises:
            NotAvailable: its text can't be had. Free.
            CallerError: it has no such page.
            SessionBusy, SessionClosed, BudgetSpent: as for `bash`.
        """
        literature = self._services.literature
        request = {"paper": paper, "page": page}
        return await self._use("literature", "read_paper", request, lambda: literature.read(paper, page), call)

    @property
    def _owner(self) -> Owner:
        row = self._ledger.row
        return Owner(row.principal, row.agent or "", row.task)

    async def _use(self, aid: Aid, kind: str, request: object, work: Work, call: Call) -> AidReply:
        if aid not in self._ledger.row.aids.split():
            raise CallerError(f"This session was started without {aid}: its scores would not say that it has it.")
        return await self._answer(kind, AidReply, call, lambda: self._charged(kind, request, work, call))

    async def _charged(self, kind: str, request: object, work: Work, call: Call) -> AidReply:
        await self._lodging.guest(call)  # once the session is open
        try:
            async with accepted(self._lodging, kind, request, call) as entry:
                text = await _patiently(work, call)
        finally:
            self._verdicts.settle()
        reply = AidReply(text, self._ledger.seconds(entry), self._ledger.left(), self._ledger.state)
        self._ledger.finish(entry, reply)
        return reply


async def _patiently(work: Work, call: Call) -> str:
    with anyio.move_on_after(call.patience):
        return await work()
    raise NotAvailable(f"It took longer than {call.patience:.0f} s; what has come so far is kept: call again.")


def _require_fitting(text: str, tags: tuple[str, ...]) -> None:
    if not text.strip() or len(text) > LONGEST_NOTE:
        raise CallerError(f"A note has between 1 and {LONGEST_NOTE:,} characters; this one has {len(text):,}.")
    if len(tags) > MOST_TAGS or any(not 0 < len(tag) <= LONGEST_TAG or len(tag.split()) != 1 for tag in tags):
        raise CallerError(f"A note has at most {MOST_TAGS} tags, words of at most {LONGEST_TAG} characters each.")


def _note_text(note: Note) -> str:
    written = datetime.fromtimestamp(note.at, UTC).strftime("%Y-%m-%d %H:%M UTC")
    tags = f" [{', '.join(note.tags)}]" if note.tags else ""
    return f"{written}{tags}\n{note.text}"
