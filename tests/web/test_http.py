"""The server over HTTP: its addresses, what it takes, and whom it lets in."""

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import anyio
import pytest
from httpx2 import Headers

from mlgym_mcp.errors import SetupError
from mlgym_mcp.server import open_web
from mlgym_mcp.sessions.principal import ANONYMOUS, LOCAL
from mlgym_mcp.settings import Settings
from mlgym_mcp.tools.caller import current_caller
from mlgym_mcp.web import address
from tests.fakes import TASK, World
from tests.tools.stage import ERAS, Era, facts_of, refused, start, told
from tests.web.stage import TOKEN, Site, call, site


@pytest.mark.parametrize("era", ERAS)
async def test_a_session_is_worked_at_over_http(tmp_path: Path, era: Era) -> None:
    async with site(World(tmp_path)) as served, served.client(era=era) as client:
        session = await start(client)
        assert "hello" in await told(client, "bash", session=session, command="echo hello")
        assert facts_of(await client.call_tool("submit", {"session": session}))["outcome"] == "scored"


@pytest.mark.parametrize("era", ERAS)
async def test_progress_of_a_call_arrives_before_its_answer(tmp_path: Path, era: Era) -> None:
    heard: list[str | None] = []

    async def hear(progress: float, total: float | None, message: str | None) -> None:
        heard.append(message)

    world = World(tmp_path)
    world.preparer.gate = anyio.Event()
    async with site(world) as served, served.client(era=era) as client:
        await refused(client, "status", session="none")  # opens what sessions stand on, which is waited for too
        await client.call_tool("start", {"task": TASK, "wait_s": 0.05}, progress_callback=hear)
        assert "being prepared" in str(heard[0])


async def test_an_answer_that_nothing_goes_before_is_plain_json(tmp_path: Path) -> None:
    async with site(World(tmp_path)) as served, served.raw() as http:
        body, headers = call("list_tasks")
        answer = await http.post("/mcp", json=body, headers=headers)
    assert answer.headers["content-type"] == "application/json"
    assert TASK in answer.text


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": "evil.example"}, 421),
        ({"Origin": "http://evil.example"}, 403),
        ({"Content-Type": "text/plain"}, 400),
        ({"Origin": "http://localhost:3000"}, 200),
    ],
)
@pytest.mark.parametrize("place", ["/mcp", "/s/some-session/mcp"])
async def test_a_page_of_another_site_gets_no_answer(
    tmp_path: Path, place: str, headers: dict[str, str], status: int
) -> None:
    async with site(World(tmp_path)) as served, served.raw() as http:
        body, usual = call("read", uri="mlgym://tasks")
        assert (await http.post(place, json=body, headers={**usual, **headers})).status_code == status


async def test_a_request_that_is_too_large_is_refused_before_it_is_read(tmp_path: Path) -> None:
    async with site(World(tmp_path)) as served, served.raw() as http:
        body, headers = call("bash", command="x" * (5 << 20))
        assert (await http.post("/mcp", json=body, headers=headers)).status_code == 413


@pytest.mark.parametrize("era", ERAS)
async def test_a_client_that_is_gone_in_the_midst_of_a_request_is_no_error(
    tmp_path: Path, era: Era, caplog: pytest.LogCaptureFixture
) -> None:
    _, modern = call("list_tasks")
    headers = modern if era == "auto" else {name: modern[name] for name in ("Accept", "Content-Type")}
    lines = ["POST /mcp HTTP/1.1", "Host: localhost", "Content-Length: 99", *map(": ".join, headers.items()), "", ""]
    async with site(World(tmp_path)) as served, served.raw() as http:
        place = urlsplit(served.url)
        async with await anyio.connect_tcp(str(place.hostname), int(place.port or 0)) as stream:
            await stream.send("\r\n".join(lines).encode() + b"{")
            assert (await http.get("/healthz")).status_code == 200  # so that it has arrived
        assert (await http.get("/healthz")).status_code == 200
    assert [record.message for record in caplog.records if record.levelname in ("ERROR", "WARNING")] == []


async def test_health_is_told_to_everybody(tmp_path: Path) -> None:
    async with site(World(tmp_path), token=TOKEN) as served, Site(served.url).raw() as http:
        assert (await http.get("/healthz")).json()["status"] == "ok"


@pytest.mark.parametrize("place", ["/mcp", "/s/some-session/mcp"])
@pytest.mark.parametrize("authorization", [None, "Bearer", "Bearer wrong", f"Basic {TOKEN}", TOKEN, "Bearer \xff"])
async def test_without_the_token_nobody_gets_in(tmp_path: Path, place: str, authorization: str | None) -> None:
    async with site(World(tmp_path), token=TOKEN) as served, Site(served.url).raw() as http:
        body, headers = call("list_tasks")
        shown = {} if authorization is None else {"Authorization": authorization}
        answer = await http.post(place, json=body, headers=Headers({**headers, **shown}, encoding="latin-1"))
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert "Authorization: Bearer" in answer.json()["error"]


@pytest.mark.parametrize("era", ERAS)
async def test_whoever_shows_the_token_is_known_and_needs_no_handle(tmp_path: Path, era: Era) -> None:
    async with site(World(tmp_path), token=TOKEN) as served:
        async with served.client(era=era) as client:
            await start(client)
        async with served.client(era=era) as client:
            assert "hello" in await told(client, "bash", command="echo hello")


async def test_what_runs_in_no_request_does_not_pass_for_the_owner_of_the_data_folder(tmp_path: Path) -> None:
    assert current_caller().principal == LOCAL
    async with open_web(Settings(data_dir=tmp_path)):
        assert current_caller().principal == ANONYMOUS
    assert current_caller().principal == LOCAL


async def test_a_session_of_the_tokens_holder_is_taken_up_by_nobody_else(tmp_path: Path) -> None:
    world = World(tmp_path)
    async with site(world, token=TOKEN) as served, served.client() as client:
        session = await start(client)
    async with site(world) as served, served.client() as client:
        assert "no session with this handle" in await refused(client, "status", session=session)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.7", "server.example"])
async def test_beyond_this_machine_a_token_is_required(tmp_path: Path, host: str) -> None:
    with pytest.raises(SetupError, match="MLGYM_MCP_TOKEN"):
        async with open_web(Settings(data_dir=tmp_path, host=host)):
            pass


async def test_a_server_beyond_this_machine_is_reached_by_the_names_it_is_given(tmp_path: Path) -> None:
    served_as: dict[str, Any] = {"host": "0.0.0.0", "allowed_hosts": ("gym.example",)}
    async with site(World(tmp_path), token=TOKEN, **served_as) as served, served.raw() as http:
        body, headers = call("list_tasks")
        for host, status in (("gym.example", 200), ("gym.example:8765", 200), ("evil.example", 421)):
            answer = await http.post("/mcp", json=body, headers={**headers, "Host": host})
            assert answer.status_code == status


@pytest.mark.parametrize(
    ("host", "allowed", "names"),
    [
        ("127.0.0.2", (), ["localhost", "127.0.0.2"]),
        ("::1", (), ["[::1]"]),
        ("192.0.2.7", ("gym.example",), ["localhost", "192.0.2.7", "gym.example"]),
        ("2001:db8::1", ("gym.example",), ["[2001:db8::1]", "gym.example"]),
    ],
)
def test_a_server_is_reached_by_the_address_that_it_listens_at(
    host: str, allowed: tuple[str, ...], names: list[str]
) -> None:
    assert set(names) <= set(address.names(host, allowed))


def test_a_port_in_use_is_an_error_that_says_so() -> None:
    with address.listen("127.0.0.1", 0) as taken:
        with pytest.raises(SetupError, match="in use; choose another with --port"):
            address.listen("127.0.0.1", taken.getsockname()[1])


def test_a_name_that_is_not_this_machines_can_not_be_listened_at() -> None:
    with pytest.raises(SetupError, match="can't listen on no-such-host.invalid"):
        address.listen("no-such-host.invalid", 0)
