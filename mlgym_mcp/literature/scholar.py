"""Semantic Scholar's Academic Graph: papers by their words, and one by its id."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.parse import quote

import anyio
import httpx2
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError
from pydantic.alias_generators import to_camel

from mlgym_mcp.errors import NotAvailable

API = "https://api.semanticscholar.org/graph/v1"
FIELDS = "title,abstract,year,venue,authors,citationCount,openAccessPdf,externalIds"
PATIENCE = httpx2.Timeout(20.0)
"""Seconds without an answer."""
PAUSES = (1.0, 2.0, 4.0, 8.0)
"""Seconds before each repetition of a request that came too soon after others."""
TOO_SOON = (429, 503)
REFUSALS = {
    404: "Semantic Scholar has no such paper; take an id of `search_papers`.",
    **dict.fromkeys(TOO_SOON, "Semantic Scholar has too much to do; ask again in a minute."),
}
OTHERWISE = "Semantic Scholar answered {}; word the query otherwise."
ARXIV = "https://arxiv.org/pdf/{}"

T = TypeVar("T", bound=BaseModel)


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, alias_generator=to_camel, populate_by_name=True)


class _Author(_Part):
    name: str | None = None


class _Place(_Part):
    url: str | None = None


class Paper(_Part):
    """One paper, as far as the source tells."""

    paper_id: str
    title: str | None = None
    abstract: str | None = None
    year: int | None = None
    venue: str | None = None
    authors: tuple[_Author, ...] = ()
    citation_count: int | None = None
    open_access_pdf: _Place | None = None
    external_ids: dict[str, Any] | None = None

    @property
    def address(self) -> str | None:
        """Where its text is, if anybody may read it."""
        if self.open_access_pdf is not None and self.open_access_pdf.url:
            return self.open_access_pdf.url
        arxiv = (self.external_ids or {}).get("ArXiv")
        return ARXIV.format(quote(str(arxiv))) if arxiv else None


class _Found(_Part):
    data: tuple[Paper, ...] = Field(default=())


@dataclass(frozen=True, slots=True)
class Scholar:
    """The source, as one who may have a key asks it."""

    key: SecretStr | None = field(default=None, repr=False)
    api: str = API
    pauses: tuple[float, ...] = PAUSES

    async def search(self, query: str, limit: int) -> tuple[Paper, ...]:
        """The most cited papers with all words of a query; where any can be read, only those.

        Raises:
            NotAvailable: the source does not answer.
        """
        asked = {"query": query, "fields": FIELDS, "sort": "citationCount:desc"}
        found = await self._ask("/paper/search/bulk", {**asked, "openAccessPdf": ""})
        papers = _read(_Found, found).data or _read(_Found, await self._ask("/paper/search/bulk", asked)).data
        return papers[:limit]

    async def paper(self, paper_id: str) -> Paper:
        """The paper with an id of the source's own, or such as `ARXIV:1706.03762` and `DOI:…`.

        Raises:
            NotAvailable: the source has none, or does not answer.
        """
        if ".." in paper_id:
            raise NotAvailable(f"{paper_id!r} is no paper's id; take one of `search_papers`.")
        return _read(Paper, await self._ask(f"/paper/{quote(paper_id, safe=':/')}", {"fields": FIELDS}))

    async def _ask(self, path: str, parameters: Mapping[str, str]) -> bytes:
        headers = {"x-api-key": self.key.get_secret_value()} if self.key else {}
        async with httpx2.AsyncClient(base_url=self.api, timeout=PATIENCE, headers=headers) as client:
            try:
                response = await client.get(path, params=parameters)
                for pause in self.pauses:
                    if response.status_code not in TOO_SOON:
                        break
                    await anyio.sleep(pause)
                    response = await client.get(path, params=parameters)
            except httpx2.HTTPError as error:
                raise NotAvailable(f"Semantic Scholar does not answer: {str(error) or type(error).__name__}.") from None
        if response.status_code != 200:
            raise NotAvailable(REFUSALS.get(response.status_code) or OTHERWISE.format(response.status_code))
        return response.content


def _read(kind: type[T], content: bytes) -> T:
    try:
        return kind.model_validate_json(content)
    except ValidationError:
        raise NotAvailable("Semantic Scholar answered something else than papers.") from None
