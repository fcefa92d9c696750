"""Who sees which pages, and what keeps them from everybody else."""

from pathlib import Path

from mlgym_mcp.store import Tokens
from tests.fakes import TASK, World
from tests.tools.stage import facts_of, start
from tests.viewer.stage import browsing, page_of, read, signed_in
from tests.web.stage import TOKEN, audited, shown, site, token_of

HEADERS = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cache-control": "no-store",
}
PLACES = ("/", "/sessions/0123456789abcdef", "/sessions/0123456789abcdef/events/1", "/live", "/sign-in")

FORMS: tuple[tuple[dict[str, str], int], ...] = (
    ({"Sec-Fetch-Site": "cross-site"}, 403),
    ({"Sec-Fetch-Site": "same-site"}, 403),
    ({"Origin": "http://evil.example"}, 403),
    ({"Origin": "null"}, 403),
    ({"Sec-Fetch-Site": "same-origin", "Origin": "null"}, 200),
    ({}, 200),
)


async def test_where_nobody_is_asked_for_a_token_everything_is_shown_to_this_machine(tmp_path: Path) -> None:
    world = World(tmp_path)
    async with site(world) as served, served.client() as client, browsing(served) as http:
        session = await start(client)
        front = await http.get("/")
        assert TASK in read(front) and "Sign out" not in read(front)
        assert (await http.get(page_of(world, session))).status_code == 200


async def test_a_token_is_asked_for_once_and_leads_on_to_where_its_owner_wanted_to_go(tmp_path: Path) -> None:
    world = World(tmp_path)
    async with site(world, token=TOKEN) as served, served.client() as client, browsing(served) as http:
        place = page_of(world, await start(client))
        asked = await http.get(f"{place}?tool=bash")
        assert (asked.status_code, "Sign in" in read(asked)) == (401, True)
        assert f'value="{place}?tool=bash"' in asked.text and 'role="alert"' not in asked.text
        wrong = await signed_in(http, "nobody-knows-this-token")
        assert (wrong.status_code, "does not know this token" in read(wrong)) == (401, True)
        there = await signed_in(http, TOKEN, f"{place}?tool=bash")
        assert (there.status_code, str(there.url)) == (200, f"{served.url}{place}?tool=bash")
        [kept] = there.history
        assert {"HttpOnly", "SameSite=strict", "Path=/"} <= set(kept.headers["set-cookie"].split("; "))
        assert TOKEN not in kept.headers["set-cookie"] + there.text
        assert "Sign out" in read(await http.get("/"))
        await http.post("/sign-out")
        assert (await http.get("/")).status_code == 401
    assert [line["event"] for line in audited(world) if line["event"] == "token_refused"] == ["token_refused"]


async def test_a_principal_sees_its_own_sessions_and_an_operator_all_of_them(tmp_path: Path) -> None:
    world = World(tmp_path)
    tokens = {name: token_of(world, name) for name in ("ada", "bob")}
    tokens["olga"] = token_of(world, "olga", "read", "attempt", "operate")
    async with site(world) as served:
        async with shown(served, tokens["ada"]).client() as client:
            place = page_of(world, await start(client))
        expected = {"ada": 200, "bob": 404, "olga": 200}
        for name, status in expected.items():
            async with browsing(served) as http:
                front = await signed_in(http, tokens[name])
                assert ("toy-v1" in read(front).partition("started")[2]) == (status == 200)
                for below in ("", "/events/1", "/export.json", "/live"):
                    seen = await http.get(f"{place}{below}") if below != "/live" or status == 404 else None
                    # Without an event there is nothing at its address, for anybody.
                    wanted = 404 if below == "/events/1" else status
                    assert seen is None or seen.status_code == wanted, (name, below)


async def test_a_run_token_sees_its_one_session(tmp_path: Path) -> None:
    world = World(tmp_path)
    async with site(world, token=TOKEN, tools=("evaluation",)) as served, served.client() as harness:
        mine, other = await start(harness), await start(harness)
        given = facts_of(await harness.call_tool("run_token", {"session": mine}))["token"]
        async with browsing(served) as http:
            front = await signed_in(http, given)
            assert "1 session." in read(front)
            assert (await http.get(page_of(world, mine))).status_code == 200
            assert (await http.get(page_of(world, other))).status_code == 404


async def test_a_token_that_is_revoked_or_may_not_look_is_told_what_to_do(tmp_path: Path) -> None:
    world = World(tmp_path)
    token, reader = token_of(world, "ada"), token_of(world, "rita", "read")
    async with site(world) as served, browsing(served) as http:
        assert (await signed_in(http, token)).status_code == 200
        with Tokens.open(tmp_path / "data") as tokens:
            tokens.revoke(tokens.list()[0].id, world.clock.now())
        refused = await http.get("/")
        assert (refused.status_code, "was revoked; ask who runs this server" in read(refused)) == (401, True)
        refused = await signed_in(http, reader)
        assert (refused.status_code, "needs a token with the scope attempt" in read(refused)) == (403, True)
        assert (await http.get("/", headers={"Authorization": f"Bearer {reader}"})).status_code == 403


async def test_no_other_site_can_read_or_frame_a_page(tmp_path: Path) -> None:
    async with site(World(tmp_path), token=TOKEN) as served, browsing(served) as http:
        for place in PLACES:
            answer = await http.get(place)
            assert answer.headers["content-security-policy"].startswith("default-src 'none'; script-src 'self';")
            assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
            assert {name: answer.headers[name] for name in HEADERS} == HEADERS
            rebound = await http.get(place, headers={"Host": "evil.example:80"})
            assert (rebound.status_code, "allowed_hosts" in rebound.text) == (421, True)
            assert (await http.get(place, headers={"Host": "[::1]:80"})).status_code == answer.status_code


async def test_a_form_from_elsewhere_is_not_taken(tmp_path: Path) -> None:
    async with site(World(tmp_path), token=TOKEN) as served:
        for headers, status in FORMS:
            async with browsing(served, **headers) as http:
                assert (await signed_in(http, TOKEN)).status_code == status, headers


async def test_signing_in_leads_nowhere_but_to_this_server_and_is_secure_where_the_browser_sees_tls(
    tmp_path: Path,
) -> None:
    async with site(World(tmp_path), token=TOKEN) as served, browsing(served) as http:
        for target in ("https://evil.example", "//evil.example", "/\\evil.example", "/\r\nX: y", "sessions"):
            answer = await http.post("/sign-in", data={"token": TOKEN, "next": target}, follow_redirects=False)
            assert answer.headers["location"] == "/"
            assert "Secure" not in answer.headers["set-cookie"]
        behind = {"Origin": served.url.replace("http:", "https:")}
        answer = await http.post("/sign-in", data={"token": TOKEN}, headers=behind, follow_redirects=False)
        cookie, _, about = answer.headers["set-cookie"].partition(";")
        assert cookie.startswith("__Host-") and "Secure" in about
        async with browsing(served, Cookie=cookie) as later:
            assert (await later.get("/")).status_code == 200


async def test_an_operator_may_leave_the_pages_out(tmp_path: Path) -> None:
    async with site(World(tmp_path), viewer=False) as served, browsing(served) as http:
        answer = await http.get("/")
        assert (answer.status_code, "MCP is served at /mcp" in answer.text) == (404, True)
