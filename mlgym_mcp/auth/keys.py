"""The keys of an issuer of JWTs: fetched from it, kept for a while, and fetched anew when it has turned them over."""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import anyio
import httpx2
import structlog

from mlgym_mcp.auth.address import checked
from mlgym_mcp.bucket import Bucket

FRESH = 3600.0
"""Seconds after which keys are fetched anew."""
STALE = 24 * 3600.0
"""Seconds for which they serve at most while the issuer does not answer."""
FETCHES = 6
"""In a minute: a token with an unknown key costs whoever sends it nothing."""
TIME_LIMIT = 5.0
LARGEST = 256 * 1024
"""Bytes of a document of the issuer."""

log = structlog.get_logger(__name__)


class KeysUnavailable(Exception):
    """Raised when the issuer's keys can't be had."""


class Keys:
    """The key set of one issuer."""

    def __init__(self, issuer: str, address: str | None = None) -> None:
        """`address`: of the key set; None: what the issuer's metadata says."""
        self._issuer = issuer
        self._address = address
        self._keys: list[Mapping[str, Any]] = []
        self._fetched_at = -STALE
        self._fetches = Bucket(FETCHES, now=anyio.current_time)
        self._fetching = anyio.Lock()

    async def find(self, kid: str | None) -> Mapping[str, Any] | None:
        """The key of this id, as the issuer states it; without an id, the only one there is.

        Raises:
            KeysUnavailable: the issuer does not answer, and no key that it stated before is it.
        """
        asked_at = anyio.current_time()
        found = self._known(kid)
        if found is not None and asked_at - self._fetched_at < FRESH:
            return found
        async with self._fetching:
            if self._fetched_at < asked_at:  # nobody else did while this one waited
                await self._refresh(needed=found is None)
        return self._known(kid)

    def _known(self, kid: str | None) -> Mapping[str, Any] | None:
        if anyio.current_time() - self._fetched_at >= STALE:
            return None
        if kid is None:
            return self._keys[0] if len(self._keys) == 1 else None
        return next((key for key in self._keys if key.get("kid") == kid), None)

    async def _refresh(self, *, needed: bool) -> None:
        if self._fetches.take():
            if not self._keys:
                raise KeysUnavailable
            return
        try:
            self._keys = await self._fetch()
            self._fetched_at = anyio.current_time()
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError, ValueError, KeyError, TypeError, RecursionError) as error:
            log.warning("keys_not_fetched", issuer=self._issuer, reason=str(error) or type(error).__name__)
            if needed:
                raise KeysUnavailable from error

    async def _fetch(self) -> list[Mapping[str, Any]]:
        async with httpx2.AsyncClient(timeout=TIME_LIMIT) as http:
            found = await _document(http, self._address or await self._found(http))
        keys = found["keys"]
        return [key for key in keys if isinstance(key, dict) and key.get("use", "sig") == "sig"]

    async def _found(self, http: httpx2.AsyncClient) -> str:
        for place in _metadata_of(self._issuer):
            try:
                document = await _document(http, place)
            except httpx2.HTTPStatusError:
                continue
            if document["issuer"] != self._issuer:
                raise ValueError(f"{place} is of another issuer: {document['issuer']!r}")
            return checked(document["jwks_uri"])
        raise ValueError("it states no metadata; name its keys' address in MLGYM_MCP_JWT_JWKS")


def _metadata_of(issuer: str) -> tuple[str, ...]:
    """Where an issuer states its metadata: by OpenID Connect, and by RFC 8414."""
    parts = urlsplit(issuer)
    path = parts.path.rstrip("/")
    return (
        f"{issuer.rstrip('/')}/.well-known/openid-configuration",
        f"{parts.scheme}://{parts.netloc}/.well-known/oauth-authorization-server{path}",
    )


async def _document(http: httpx2.AsyncClient, address: str) -> dict[str, Any]:
    async with http.stream("GET", address) as answer:
        answer.raise_for_status()
        body = b""
        async for piece in answer.aiter_bytes():
            body += piece
            if len(body) > LARGEST:
                raise ValueError(f"{address} is larger than {LARGEST} bytes")
    found: dict[str, Any] = json.loads(body)
    return found
