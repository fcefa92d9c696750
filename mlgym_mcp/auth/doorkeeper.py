"""The doorkeeper: whom a server over HTTP lets in."""

import time
from collections.abc import Callable

from mcp.server.auth.provider import TokenVerifier

from mlgym_mcp.auth.credential import Credential, Refused
from mlgym_mcp.auth.secret import matches
from mlgym_mcp.sessions.principal import ANONYMOUS, BEARER, OPEN_TO_ALL, SCOPES
from mlgym_mcp.store import AuditLog, Tokens
from mlgym_mcp.store.tokens import PREFIX

STRANGER = Credential(ANONYMOUS, OPEN_TO_ALL)
OPERATOR = Credential(BEARER, frozenset(SCOPES))
NEEDED = "This server needs a token: send the header `Authorization: Bearer <token>`."
UNKNOWN = "This server does not know this token: send the header `Authorization: Bearer <token>` with one that it does."
NO_SCOPE = "This token allows nothing here: it has none of the scopes " + ", ".join(SCOPES) + "."


class Doorkeeper:
    """Knows callers by what they show. Who shows nothing is let in where no credential was ever set up."""

    def __init__(
        self,
        tokens: Tokens | None = None,
        audit: AuditLog | None = None,
        *,
        token_hash: str | None = None,
        verifier: TokenVerifier | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        """What there is to be shown.

        Args:
            tokens: Those of the data folder.
            audit: Where is written who was refused.
            token_hash: Of the server's own token.
            verifier: Of JWTs.
            now: Seconds since the epoch.
        """
        self._tokens = tokens
        self._audit = audit
        self._token_hash = token_hash
        self._verifier = verifier
        self._now = now
        # Once and for all: a server does not open up when its last token is revoked.
        self.guards = bool(token_hash or verifier or (tokens and tokens.usable(now())))

    async def admit(self, authorization: str) -> Credential:
        """Who sends this header.

        Raises:
            Refused: it is not let in.
        """
        try:
            return await self._admitted(authorization)
        except Refused as refusal:
            # Who shows nothing at all is asked to; that is how clients find out.
            if self._audit is not None and authorization:
                self._audit.refuse("token_refused", why=str(refusal))
            raise

    async def operates(self, authorization: str) -> bool:
        """Whether who sends this header may ask what an operator asks."""
        try:
            return not self.guards or "operate" in (await self._admitted(authorization)).scopes
        except Refused:
            return False

    async def _admitted(self, authorization: str) -> Credential:
        scheme, _, token = authorization.partition(" ")
        token = token.strip()
        if scheme.lower() != "bearer" or not token:
            if self.guards:
                raise Refused(NEEDED)
            return STRANGER
        if self._token_hash is not None and matches(token, self._token_hash):
            return OPERATOR
        credential = self._stored(token) if token.startswith(PREFIX) else await self._signed(token)
        if not credential.scopes:
            raise Refused(NO_SCOPE, 403, error="insufficient_scope")
        return credential

    def _stored(self, token: str) -> Credential:
        row = self._tokens.find(token) if self._tokens is not None else None
        if self._tokens is None or row is None:
            raise Refused(UNKNOWN, error="invalid_token")
        if (why := row.refusal(self._now())) is not None:
            raise Refused(f"This token ({row.id}) {why}; ask who runs this server for another.", error="invalid_token")
        self._tokens.used(row, self._now())
        return Credential(row.principal, frozenset(SCOPES) & set(row.scopes.split()), row.id, row.session)

    async def _signed(self, token: str) -> Credential:
        # What is shown is never passed over, or who shows what has expired would be a stranger with more rights.
        found = await self._verifier.verify_token(token) if self._verifier and token.count(".") == 2 else None
        if found is None or found.subject is None:
            raise Refused(UNKNOWN, error="invalid_token")
        return Credential(found.subject, frozenset(SCOPES) & set(found.scopes))
