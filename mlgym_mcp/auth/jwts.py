"""JWTs: signed by an issuer that the operator trusts, for this server and no other."""

import jwt
from jwt.types import Options
from mcp.server.auth.provider import AccessToken

from mlgym_mcp.auth.credential import Refused
from mlgym_mcp.auth.keys import Keys, KeysUnavailable

ALGORITHMS = frozenset({"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"})
"""With two keys, of which this server has the public one. Never `none`, and never those with a shared secret: what they
would be verified with is public."""
LONGEST = 8192
"""Characters of a token."""
LONGEST_SUBJECT = 255
LEEWAY = 30.0
"""Seconds that our clock and the issuer's may differ."""
REQUIRED = ("exp", "iss", "aud", "sub")
CHECKS: Options = {"require": list(REQUIRED)}

WHY: tuple[tuple[type[Exception], str], ...] = (
    (jwt.ExpiredSignatureError, "has expired"),
    (jwt.ImmatureSignatureError, "is not valid yet"),
    (jwt.InvalidAudienceError, "is for another server"),
    (jwt.InvalidIssuerError, "is of another issuer"),
    (jwt.MissingRequiredClaimError, f"must have the claims {', '.join(REQUIRED)}"),
    (jwt.InvalidSignatureError, "has a signature that is not its issuer's"),
)


class JwtVerifier:
    """Verifies access tokens, in the SDK's own form (`TokenVerifier`)."""

    def __init__(self, issuer: str, audience: str, keys: Keys) -> None:
        """`audience`: this server's own address, which each token must name."""
        self.issuer = issuer
        self.audience = audience
        self._keys = keys

    async def verify_token(self, token: str) -> AccessToken:
        """Who shows this token, and what it may do.

        Raises:
            Refused: it lets nobody in; or, with 503, the issuer's keys can't be had to tell.
        """
        try:
            claims = jwt.decode(
                token,
                await self._key(token),
                algorithms=sorted(ALGORITHMS),
                audience=self.audience,
                issuer=self.issuer,
                leeway=LEEWAY,
                options=CHECKS,
            )
            subject, scopes = claims["sub"], _scopes(claims.get("scope", claims.get("scp")))
        except (jwt.PyJWTError, ValueError, TypeError, ArithmeticError, RecursionError) as error:
            raise _refused(next((why for kind, why in WHY if isinstance(error, kind)), "is malformed")) from error
        except KeysUnavailable as error:
            raise Refused(
                "The keys of the tokens' issuer can't be had at the moment, so nobody can be let in; try again.", 503
            ) from error
        if not (subject.isascii() and subject.isprintable() and 0 < len(subject) <= LONGEST_SUBJECT):
            raise _refused("has a subject that can't be kept")
        # With its issuer, so that no name that the operator has given to somebody is its.
        principal = f"{subject}@{self.issuer}"
        return AccessToken(token=token, client_id=principal, subject=principal, scopes=scopes, resource=self.audience)

    async def _key(self, token: str) -> jwt.PyJWK:
        if len(token) > LONGEST:
            raise jwt.DecodeError
        header = jwt.get_unverified_header(token)
        if header.get("alg") not in ALGORITHMS:
            raise _refused("is signed by an algorithm that is not taken here")
        stated = await self._keys.find(header.get("kid"))
        if stated is None:
            raise _refused("is signed with a key that its issuer does not state")
        if stated.get("alg", header["alg"]) != header["alg"]:
            raise _refused("is signed by another algorithm than its key is for")
        return jwt.PyJWK(dict(stated), algorithm=header["alg"])


def _scopes(claimed: object) -> list[str]:
    if isinstance(claimed, str):
        return claimed.split()
    return [scope for scope in claimed if isinstance(scope, str)] if isinstance(claimed, list) else []


def _refused(why: str) -> Refused:
    return Refused(f"This token {why}.", error="invalid_token")
