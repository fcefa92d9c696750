"""The group `literature`: papers, found and read by the server, since sandboxes have no network."""

from typing import Annotated

from mcp.types import CallToolResult
from pydantic import Field

from mlgym_mcp.tools.desk import Desk
from mlgym_mcp.tools.incoming import Request, SessionHandle, WaitSeconds
from mlgym_mcp.tools.render import aid_text
from mlgym_mcp.tools.reply import text

LONGEST = 500
"""Characters of a query, or of an address."""


class LiteratureTools:
    """Papers. They answer with text alone, which strangers have written."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def search_papers(
        self,
        request: Request,
        query: Annotated[str, Field(description="Words that a paper has in title or abstract.", max_length=LONGEST)],
        limit: Annotated[int, Field(description="How many papers.", ge=1, le=20)] = 5,
        wait_s: WaitSeconds = None,
        session: SessionHandle = None,
    ) -> CallToolResult:
        """Search Semantic Scholar: papers with these words, most cited first, as far as possible free to read.

        Shows title, authors, abstract, and an id for `read_paper`. Costs one step; a search that fails is free.
        """
        async with self._desk.turn(request, session, wait_s) as (target, call):
            reply = await target.aids.search_papers(query, limit, call=call)
        return text(*aid_text(reply))

    async def read_paper(
        self,
        request: Request,
        paper: Annotated[
            str,
            Field(description="An id of `search_papers`, `ARXIV:1706.03762`, or a PDF's address.", max_length=LONGEST),
        ],
        page: Annotated[int, Field(description="Which part of its text.", ge=1)] = 1,
        wait_s: WaitSeconds = None,
        session: SessionHandle = None,
    ) -> CallToolResult:
        """Read a paper's text, a part at a time. Costs one step; one that can't be had is free."""
        async with self._desk.turn(request, session, wait_s) as (target, call):
            reply = await target.aids.read_paper(paper, page, call=call)
        return text(*aid_text(reply))
