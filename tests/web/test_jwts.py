"""JWTs of an issuer with a real endpoint and real keys: whose are let in, and that nobody else ever is."""

import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from mlgym_clients.server import bearer
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from mlgym_mcp.errors import SetupError
from mlgym_mcp.settings import Settings
from mlgym_mcp.web import address
from mlgym_mcp.web.serving import serving
from tests.fakes import TASK, World
from tests.tools.stage import refused, start, told
from tests.web.stage import Site, audited, call, free_port, shown, site
from tests.web.test_tokens import status_of

AUDIENCE = "https://gym.example/mcp"
RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
OTHER = ec.generate_private_key(ec.SECP256R1())
NOW = 4_000_000_000


@dataclass
class Issuer:
    """Signs tokens, and states the keys that it signs with."""

    url: str
    keys: dict[str, Any] = field(default_factory=lambda: {"one": RSA})
    asked: int = 0
    """How often it was asked for its keys."""
    broken: bool = False

    def token(self, kid: str | None = "one", key: Any = RSA, algorithm: str = "RS256", **claims: Any) -> str:
        """A token that is right but for what is said."""
        right = {"iss": self.url, "aud": AUDIENCE, "sub": "ada", "exp": NOW, "scope": "read attempt openid"}
        body = {name: value for name, value in {**right, **claims}.items() if value is not None}
        return jwt.encode(body, key, algorithm, headers={"kid": kid} if kid else {})

    async def state(self, request: Request) -> JSONResponse:
        """Its keys; without `alg`, as some issuers do."""
        self.asked += 1
        if self.broken:
            return JSONResponse({"error": "broken"}, 500)
        stated = []
        for kid, key in self.keys.items():
            kind = jwt.algorithms.RSAAlgorithm if isinstance(key, rsa.RSAPrivateKey) else jwt.algorithms.ECAlgorithm
            stated.append({**kind.to_jwk(key.public_key(), as_dict=True), "kid": kid, "use": "sig"})
        return JSONResponse({"keys": stated})

    async def describe(self, request: Request) -> JSONResponse:
        """Its metadata."""
        return JSONResponse({"issuer": self.url, "jwks_uri": f"{self.url}/keys"})


@asynccontextmanager
async def issuing() -> AsyncIterator[Issuer]:
    """An issuer on loopback, while the block runs."""
    with address.listen("127.0.0.1", 0) as listener:
        issuer = Issuer(address.url(listener))
        routes = [Route("/keys", issuer.state), Route("/.well-known/openid-configuration", issuer.describe)]
        async with serving(Starlette(routes=routes), listener):
            yield issuer


@asynccontextmanager
async def trusting(world: World, issuer: Issuer, **settings: Any) -> AsyncIterator[Site]:
    """A server that lets in whom an issuer vouches for."""
    async with site(world, jwt_issuer=issuer.url, jwt_audience=AUDIENCE, **settings) as served:
        yield served


async def test_whom_the_issuer_vouches_for_is_let_in_as_itself_with_the_scopes_of_its_token(tmp_path: Path) -> None:
    world = World(tmp_path)
    async with issuing() as issuer, trusting(world, issuer) as served:
        async with shown(served, issuer.token()).client() as ada:
            session = await start(ada)
            assert "scope `operate`" not in await told(ada, "bash", command="true")
        renewed = issuer.token(scope=None, scp=["read", "attempt"], aud=["https://elsewhere.example", AUDIENCE])
        async with shown(served, renewed).client() as ada:
            assert session in await told(ada, "status")
        async with shown(served, issuer.token(sub="bob")).client() as bob:
            assert "no session with this handle" in await refused(bob, "status", session=session)
        async with shown(served, issuer.token(scope="read")).client() as reader:
            assert "scope `attempt`" in await refused(reader, "start", task=TASK)
        assert (await status_of(served, issuer.token(scope="openid")))[0] == 403
        assert (await status_of(served, issuer.token(kid=None)))[0] == 200  # there is one key only
    assert issuer.asked == 1
    assert audited(world)[0]["principal"] == f"ada@{issuer.url}"


def unsigned(issuer: Issuer, algorithm: str) -> str:
    """A token without a signature."""
    parts = [{"alg": algorithm, "kid": "one"}, jwt.decode(issuer.token(), options={"verify_signature": False})]
    return ".".join([*(base64.urlsafe_b64encode(json.dumps(one).encode()).decode().rstrip("=") for one in parts), ""])


def signed_with_what_is_public(issuer: Issuer) -> str:
    """A token whose shared secret is the issuer's public key."""
    public = RSA.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    body, _, _ = jwt.encode({}, "x" * 32, "HS256", headers={"kid": "one"}).partition(".")
    claims = issuer.token().split(".")[1]
    signature = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256).sign(
        f"{body}.{claims}".encode(), public
    )
    return f"{body}.{claims}.{base64.urlsafe_b64encode(signature).decode().rstrip('=')}"


def deep(_: Issuer) -> str:
    """A token whose header is nested deeper than anything reads."""
    return base64.urlsafe_b64encode(b"[" * 5000).decode().rstrip("=") + ".e30.AAAA"


async def test_nobody_else_is_let_in_and_each_is_told_why(tmp_path: Path) -> None:
    async with issuing() as issuer, trusting(World(tmp_path), issuer) as served:
        bad = {
            issuer.token(exp=1): "has expired",
            issuer.token(nbf=NOW): "is not valid yet",
            issuer.token(exp=None): "must have the claims",
            issuer.token(sub=None): "must have the claims",
            issuer.token(sub="a\nb"): "a subject that can't be kept",
            issuer.token(sub="x" * 256): "a subject that can't be kept",
            issuer.token(aud="https://elsewhere.example/mcp"): "is for another server",
            issuer.token(iss="https://elsewhere.example"): "is of another issuer",
            issuer.token(key=OTHER, algorithm="ES256"): "is malformed",
            issuer.token(kid="two"): "a key that its issuer does not state",
            issuer.token()[:-4] + "AAAA": "a signature that is not its issuer's",
            unsigned(issuer, "none"): "an algorithm that is not taken here",
            unsigned(issuer, "nOnE"): "an algorithm that is not taken here",
            unsigned(issuer, "RS256"): "a signature that is not its issuer's",
            signed_with_what_is_public(issuer): "an algorithm that is not taken here",
            deep(issuer): "is malformed",
            "a.b.c": "is malformed",
            "..": "is malformed",
            issuer.token(scope="read " * 3000): "is malformed",
        }
        for token, why in bad.items():
            status, text, asked = await status_of(served, token)
            assert (status, why in text, "Traceback" in text) == (401, True, False), (why, text)
            assert 'error="invalid_token"' in asked and "resource_metadata=" in asked


async def test_a_key_that_was_turned_over_is_found_and_a_flood_of_made_up_ones_asks_the_issuer_for_little(
    tmp_path: Path,
) -> None:
    async with issuing() as issuer, trusting(World(tmp_path), issuer, jwt_jwks=f"{issuer.url}/keys") as served:
        assert (await status_of(served, issuer.token()))[0] == 200
        issuer.keys = {"two": OTHER}
        turned = issuer.token(kid="two", key=OTHER, algorithm="ES256")
        assert [(await status_of(served, token))[0] for token in (turned, issuer.token())] == [200, 401]
        for number in range(20):
            assert (await status_of(served, issuer.token(kid=f"made-up-{number}")))[0] == 401
        assert issuer.asked <= 7
        issuer.broken = True
        assert (await status_of(served, turned))[0] == 200  # by what is known


@pytest.mark.parametrize("down", ["broken", "gone"])
async def test_an_issuer_that_can_not_be_reached_lets_in_nobody_and_the_caller_may_try_again(
    tmp_path: Path, down: str
) -> None:
    async with issuing() as issuer:
        issuer.broken = True
        keys = f"{issuer.url}/keys" if down == "broken" else f"http://127.0.0.1:{free_port()}/keys"
        async with trusting(World(tmp_path), issuer, jwt_jwks=keys) as served, served.raw() as http:
            body, headers = call("list_tasks")
            shown = bearer(issuer.token())
            answer = await http.post("/mcp", json=body, headers={**headers, **shown})
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "10")
    assert "keys of the tokens' issuer" in answer.json()["error"]


async def test_a_client_without_a_token_finds_out_who_gives_it_one(tmp_path: Path) -> None:
    places = ("/.well-known/oauth-protected-resource/mcp", "/.well-known/oauth-protected-resource")
    async with issuing() as issuer, trusting(World(tmp_path), issuer) as served, served.raw() as http:
        body, headers = call("list_tasks")
        answer = await http.post("/mcp", json=body, headers=headers)
        assert answer.status_code == 401
        assert f'resource_metadata="https://gym.example{places[0]}"' in answer.headers["www-authenticate"]
        for place in places:
            document = (await http.get(place)).json()
            assert (document["resource"], document["authorization_servers"]) == (AUDIENCE, [issuer.url])
            assert document["scopes_supported"] == ["read", "attempt", "evaluate", "operate"]


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"jwt_issuer": "https://issuer.example"}, "set together with jwt_issuer"),
        ({"jwt_audience": AUDIENCE}, "set together with jwt_issuer"),
        ({"jwt_issuer": "http://issuer.example", "jwt_audience": AUDIENCE}, "begins with https://"),
    ],
)
def test_settings_that_would_trust_anybody_are_refused(settings: dict[str, str], said: str) -> None:
    with pytest.raises(SetupError, match=said):
        Settings.load(settings, environ={})
