"""Headers and tokens that anybody may send: they let in by what they prove alone, and are refused in a sentence."""

import base64
import json
import time
from collections.abc import Mapping
from typing import Any, cast

import anyio
import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import example, given
from hypothesis import strategies as st

from mlgym_mcp.auth import secret
from mlgym_mcp.auth.credential import Credential, Refused
from mlgym_mcp.auth.doorkeeper import OPERATOR, Doorkeeper
from mlgym_mcp.auth.jwts import JwtVerifier
from mlgym_mcp.auth.keys import Keys
from tests.fuzz.strategies import is_sentence, json_values, spoilt, texts, words

TOKEN = "a-token-that-nobody-can-guess"
ISSUER, AUDIENCE = "https://issuer.example", "https://server.example/mcp"
KEY = Ed25519PrivateKey.generate()
STATED = {**json.loads(jwt.algorithms.OKPAlgorithm.to_jwk(KEY.public_key())), "alg": "EdDSA"}


class OneKey:
    """An issuer's keys, of which there is one."""

    async def find(self, kid: object) -> Mapping[str, Any] | None:
        return STATED if kid == "k" else None


KEEPER = Doorkeeper(token_hash=secret.hashed(TOKEN), verifier=JwtVerifier(ISSUER, AUDIENCE, cast(Keys, OneKey())))


def admitted(header: str) -> Credential | None:
    """Who a header lets in, if anybody; whoever is not is told why, in what a header can say."""
    try:
        return anyio.run(KEEPER.admit, header)
    except Refused as refusal:
        assert is_sentence(str(refusal).replace("<token>`", "<token>`.")) and str(refusal).isascii()
        return None


def part(value: object) -> str:
    """A part of a JWT that says this."""
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def signed(claims: dict[str, Any], header: Mapping[str, Any] = {"kid": "k"}) -> str:
    """A JWT with these claims, truly signed."""
    return jwt.encode(claims, KEY, algorithm="EdDSA", headers=dict(header))


SOUND = {"iss": ISSUER, "aud": AUDIENCE, "sub": "ann", "exp": 2**40, "scope": "read work"}
HEADERS = st.binary(max_size=60).map(lambda raw: raw.decode("latin-1"))


@given(HEADERS | HEADERS.map("Bearer {}".format) | st.sampled_from(["bearer " + TOKEN, f"Basic {TOKEN}", TOKEN]))
def test_a_header_lets_in_by_its_token_alone(header: str) -> None:
    scheme, _, shown = header.partition(" ")
    proves = scheme.lower() == "bearer" and shown.strip() == TOKEN
    assert admitted(header) == (OPERATOR if proves else None)


@given(json_values, json_values, st.text("aZ09-_=", max_size=30))
@example({"alg": ["EdDSA"]}, {}, "")
@example({"alg": "EdDSA", "kid": {"a": []}}, {}, "")
@example({"alg": "none", "kid": "k"}, SOUND, "")
@example({"alg": "HS256", "kid": "k"}, SOUND, "")
@example({"alg": "EdDSA", "kid": "k", "crit": ["x"], "b64": False}, SOUND, "AAAA")
@example("x", "y", "z")
def test_nothing_that_only_looks_like_a_jwt_lets_anybody_in(header: Any, claims: Any, signature: str) -> None:
    assert admitted(f"Bearer {part(header)}.{part(claims)}.{signature}") is None


@given(spoilt(signed(SOUND).encode()))
@example(("." * 3).encode())
@example(f"{'[' * 3000}.{'[' * 3000}.x".encode())
@example(f"{base64.urlsafe_b64encode(b'[' * 3000).decode()}.e30.x".encode())
@example(b"e30." + base64.urlsafe_b64encode(b'{"exp":' + b"9" * 5000 + b"}") + b".x")
def test_a_spoilt_jwt_lets_nobody_in_but_as_whom_it_was_signed_for(token: bytes) -> None:
    found = admitted("Bearer " + token.decode("latin-1"))
    assert found is None or found.principal == f"ann@{ISSUER}"


@given(st.dictionaries(st.sampled_from([*SOUND, "nbf", "iat", "scp"]), json_values, max_size=3))
@example({"exp": float("inf")})
@example({"exp": 10**300})
@example({"sub": "\ud800"})
@example({"sub": ["ann"]})
@example({"scope": ["read", ["work"]]})
def test_claims_of_any_kind_that_an_issuer_signs_are_read_or_refused(claims: dict[str, Any]) -> None:
    try:
        token = f"{part({'alg': 'EdDSA', 'kid': 'k'})}.{part({**SOUND, **claims})}"
        shown = f"{token}.{base64.urlsafe_b64encode(KEY.sign(token.encode())).decode().rstrip('=')}"
    except ValueError:
        return
    found = admitted(f"Bearer {shown}")
    if found is not None:
        assert found.principal.endswith(f"@{ISSUER}") and found.principal.isprintable()
        assert float({**SOUND, **claims}["exp"]) > time.time() - 60


@given(texts | words)
def test_a_token_is_kept_as_a_hash_or_refused_unquoted(token: str) -> None:
    try:
        assert secret.matches(token, secret.hashed(token)) or token.startswith(secret.HASHED)
    except ValueError as error:
        assert len(token) < 8 or token not in str(error)
