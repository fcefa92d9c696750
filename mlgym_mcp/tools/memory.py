"""The group `memory`: notes that an agent keeps for its later sessions on a task."""

from typing import Annotated

from mcp.types import CallToolResult
from pydantic import Field

from mlgym_mcp.sessions.aids import LONGEST_NOTE
from mlgym_mcp.tools.desk import Desk
from mlgym_mcp.tools.incoming import Request, SessionHandle
from mlgym_mcp.tools.render import aid_text
from mlgym_mcp.tools.reply import text as answer

MOST_FOUND = 20


class MemoryTools:
    """Notes that outlive their session. They answer with text alone."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def memory_write(
        self,
        request: Request,
        text: Annotated[str, Field(description=f"What to remember; at most {LONGEST_NOTE:,} characters.")],
        tags: Annotated[list[str] | None, Field(description="Words under which it is found, too.")] = None,
        session: SessionHandle = None,
    ) -> CallToolResult:
        """Keep a note for your later sessions on this task: what worked, with its score, and what did not.

        Notes outlive the session; no other agent sees them. Costs one step.
        """
        async with self._desk.turn(request, session) as (target, call):
            reply = await target.aids.write_note(text, tuple(tags or ()), call=call)
        return answer(*aid_text(reply))

    async def memory_read(
        self,
        request: Request,
        query: Annotated[str, Field(description="Words to look for; without any, the latest notes are shown.")] = "",
        limit: Annotated[int, Field(description="How many notes.", ge=1, le=MOST_FOUND)] = 5,
        session: SessionHandle = None,
    ) -> CallToolResult:
        """Read your notes of this and earlier sessions on this task: those that fit the query best. Costs one step."""
        async with self._desk.turn(request, session) as (target, call):
            reply = await target.aids.read_notes(query, limit, call=call)
        return answer(*aid_text(reply))
