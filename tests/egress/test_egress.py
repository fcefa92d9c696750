"""The way out: what a sandbox reaches through the proxy, what it doesn't, and what is written down."""

import json
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import anyio
import pytest

from mlgym_mcp.egress import Egress
from mlgym_mcp.egress.addresses import reachable
from mlgym_mcp.errors import BackendUnavailable, SandboxGone, SetupError
from mlgym_mcp.sandbox import unix
from mlgym_mcp.sandbox.base import Mount
from mlgym_mcp.services import open_services
from mlgym_mcp.sessions.manager import StartRequest
from mlgym_mcp.settings import Settings
from mlgym_mcp.tasks.catalog import Catalog
from mlgym_mcp.tasks.spec import TaskSpec
from tests.data.serving import Files, serving
from tests.fakes import DOCUMENT, TASK, World, until, write_task
from tests.sandbox.boxes import PATIENCE, open_backend, open_box, specify

PAGE = b"a page" * 500_000
LOOPBACK = [ip_network("127.0.0.0/8"), ip_network("::1/128")]
SPEC = specify(env={"no_proxy": ""})  # whose own loopback is no exception, for the host of these tests has that name
FETCHING = """python3 - <<'END'
import http.client, socket, urllib.request
def told(name, call):
    try:
        print(name, call())
    except OSError as error:
        print(name, getattr(error, "fp", None) and error.read().decode().strip() or error)
def get(url):
    return len(urllib.request.urlopen(url, timeout=20).read())
def tunnel(host, port):
    connection = http.client.HTTPConnection("127.0.0.1", 3128, timeout=20)
    connection.set_tunnel(host, port)
    connection.request("GET", "/page")
    return len(connection.getresponse().read())
told("plain", lambda: get("http://localhost:%(port)s/page"))
told("tunnel", lambda: tunnel("localhost", %(port)s))
told("other", lambda: get("http://elsewhere.example/page"))
told("others-tunnel", lambda: tunnel("elsewhere.example", 443))
told("direct", lambda: socket.create_connection(("127.0.0.1", %(port)s), 5))
END"""


@pytest.fixture
def pages() -> Iterator[Files]:
    """A web server on the loopback."""
    with serving({"page": PAGE}) as files:
        yield files


def task(folder: Path, *hosts: str) -> TaskSpec:
    """A task that may reach hosts."""
    resources = {**DOCUMENT["resources"], "network": {"allow": list(hosts)} if hosts else "none"}
    return TaskSpec.load(write_task(folder / "tasks", resources=resources))


def port_of(pages: Files) -> int:
    return int(pages.address.rpartition(":")[2])


def journal(folder: Path) -> list[dict[str, Any]]:
    """What was written down of each request, oldest first."""
    return [json.loads(line) for line in (folder / "egress.log").read_text().splitlines()]


async def answer(way_out: tuple[Mount, ...], request: str) -> str:
    """What the proxy says to a request, until it closes the connection."""
    said = b""
    async with await unix.connect(way_out[0].source, "proxy.sock") as stream:
        await stream.send(request.encode())
        async for data in stream:
            said += data
    return said.decode()


@asynccontextmanager
async def patient(folder: Path, *, private: bool = True) -> AsyncIterator[Egress]:
    """A proxy that may reach this machine, for a block which must not last."""
    with anyio.fail_after(PATIENCE):
        async with Egress.open(folder, LOOPBACK if private else ()) as egress:
            yield egress


@pytest.mark.parametrize("kind", ["bubblewrap", pytest.param("docker", marks=pytest.mark.docker)])
async def test_a_sandbox_reaches_what_its_task_names_and_nothing_else(kind: str, tmp_path: Path, pages: Files) -> None:
    port = port_of(pages)
    async with patient(tmp_path) as egress:
        way_out = await egress.admit(SPEC.id, task(tmp_path, f"localhost:{port}"))
        async with open_box(kind, tmp_path, replace(SPEC, mounts=way_out)) as box:
            said = dict(line.split(maxsplit=1) for line in (await box.output(FETCHING % {"port": port})).splitlines())
            assert (await box.run(f"touch {way_out[0].target}/new 2>&1")).exit_code != 0
    only = f"may not be reached from here, only: localhost:{port}"
    assert (said["plain"], said["tunnel"]) == (str(len(PAGE)), str(len(PAGE)))
    assert said["other"] == f"elsewhere.example:80 {only}"
    assert said["others-tunnel"] == f"Tunnel connection failed: 403 elsewhere.example:443 {only}"
    assert "refused" in said["direct"]
    lines = [(line["sandbox"], line["method"], line["host"], line["verdict"]) for line in journal(tmp_path)]
    assert sorted(lines) == [
        (SPEC.id, "CONNECT", "elsewhere.example", "refused"),
        (SPEC.id, "CONNECT", "localhost", "allowed"),
        (SPEC.id, "GET", "elsewhere.example", "refused"),
        (SPEC.id, "GET", "localhost", "allowed"),
    ]
    assert all(line["received"] > len(PAGE) for line in journal(tmp_path) if line["verdict"] == "allowed")


async def test_private_addresses_are_refused_unless_the_operator_allows_them(tmp_path: Path, pages: Files) -> None:
    port = port_of(pages)
    async with patient(tmp_path, private=False) as egress:
        way_out = await egress.admit("one", task(tmp_path, f"localhost:{port}", f"127.0.0.1:{port}"))
        for host in ("localhost", "127.0.0.1"):
            said = await answer(way_out, f"CONNECT {host}:{port} HTTP/1.1\r\nHost: x\r\n\r\n")
            assert said.startswith(f"HTTP/1.1 403 {host} leads to a private network")
    assert pages.asked == []


async def test_each_sandbox_has_a_door_of_its_own_and_none_once_it_is_gone(tmp_path: Path, pages: Files) -> None:
    request = f"GET {pages.url('page')} HTTP/1.1\r\nHost: x\r\n\r\n"
    async with patient(tmp_path) as egress:
        one = await egress.admit("one", task(tmp_path, f"127.0.0.1:{port_of(pages)}"))
        two = await egress.admit("two", task(tmp_path, "example.org"))
        assert await egress.admit("three", task(tmp_path)) == ()
        assert (await answer(one, request)).endswith("a page")
        assert "may not be reached from here, only: example.org" in await answer(two, request)
        await egress.dismiss("one")
        with pytest.raises(SandboxGone):
            await answer(one, request)


async def test_the_next_server_serves_a_sandbox_that_lives_on(tmp_path: Path, pages: Files) -> None:
    named = task(tmp_path, f"127.0.0.1:{port_of(pages)}")
    fetch = f"python3 -c 'import urllib.request as r; print(len(r.urlopen(\"{pages.url('page')}\").read()))' 2>&1"
    async with patient(tmp_path) as egress:
        way_out = await egress.admit(SPEC.id, named)
    async with open_box("bubblewrap", tmp_path, replace(SPEC, mounts=way_out)) as box:
        assert "Traceback" in await box.output(fetch)
        async with patient(tmp_path) as egress:
            await egress.admit(SPEC.id, named)
            assert await box.output(fetch) == f"{len(PAGE)}\n"


async def test_a_session_has_its_way_out_for_as_long_as_its_sandbox_lives(tmp_path: Path, pages: Files) -> None:
    host = f"127.0.0.1:{port_of(pages)}"
    request = f"GET {pages.url('page')} HTTP/1.1\r\nHost: x\r\n\r\n"
    async with patient(tmp_path) as egress:
        world = World(tmp_path, egress=egress)
        task(tmp_path, host)
        async with world.server() as (manager, _):
            session = await manager.start(StartRequest(TASK))
            assert (await session.status()).network == (host,)
        [guest] = world.backend.guests.values()
        way_out = guest.spec.mounts[1:]
    async with patient(tmp_path) as world.egress, world.server() as (manager, _):
        session = await manager.get(session.id)
        assert (await answer(way_out, request)).endswith("a page")
        await session.submit()
        await until(lambda: not way_out[0].source.exists())
    [scored] = world.referee.requests
    assert scored.identity(secret_hash="", backend="fake")["network"] == host


async def test_the_operator_may_give_no_task_a_network_or_one_that_is_private(tmp_path: Path, pages: Files) -> None:
    named = task(tmp_path, f"127.0.0.1:{port_of(pages)}")
    settings = {"data_dir": tmp_path / "data", "sandbox": "fake"}
    catalog = Catalog([tmp_path / "tasks"])
    async with open_services(Settings.load({**settings, "network": "none"}, environ={}), catalog) as services:
        with pytest.raises(SetupError, match=r"toy-v1 may reach 127.*start it with --network tasks"):
            await services.egress.admit("one", named)
    private = Settings.load(settings, environ={"MLGYM_MCP_PRIVATE_NETWORKS": "10.0.0.0/8,127.0.0.0/8"})
    async with open_services(private, catalog) as services:
        way_out = await services.egress.admit("one", named)
        said = await answer(way_out, f"GET {pages.url('page')} HTTP/1.1\r\nHost: x\r\n\r\n")
        assert said.endswith("a page")


async def test_a_connection_carries_one_request_which_is_the_one_that_was_looked_at(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        async with patient(tmp_path) as egress:
            way_out = await egress.admit("one", task(tmp_path, f"localhost:{port}"))
            async with await unix.connect(way_out[0].source, "proxy.sock") as stream:
                await stream.send(
                    f"POST http://u:p@localhost:{port}/a?b HTTP/1.1\r\nHost: inner.example\r\nContent-Length: 2\r\n"
                    "Proxy-Authorization: Basic eA==\r\nX-Kept: 1\r\n\r\n"
                    "okGET http://inner.example/ HTTP/1.1\r\nHost: inner.example\r\n\r\n".encode()
                )
                host, _ = await anyio.to_thread.run_sync(listener.accept)
                with host:
                    host.settimeout(PATIENCE)
                    seen = b""
                    while not seen.endswith(b"ok"):
                        seen += await anyio.to_thread.run_sync(host.recv, 4096)
                    host.sendall(b"HTTP/1.1 204 Done\r\nConnection: close\r\n\r\n")
                assert (await stream.receive()).startswith(b"HTTP/1.1 204 Done")
    assert seen.decode().split("\r\n") == [
        "POST /a?b HTTP/1.1",
        f"host: localhost:{port}",
        "content-length: 2",
        "x-kept: 1",
        "connection: close",
        "",
        "ok",
    ]


@pytest.mark.parametrize(
    "request_text",
    ["GET /page HTTP/1.1\r\nHost: x\r\n\r\n", "CONNECT x HTTP/1.1\r\nHost: x\r\n\r\n", "\0\r\n\r\n",
     "GET http://x:99999/ HTTP/1.1\r\nHost: x\r\n\r\n", "GET ftp://x/ HTTP/1.1\r\nHost: x\r\n\r\n"],
)  # fmt: skip
async def test_what_is_no_request_to_a_proxy_is_answered_with_what_is(tmp_path: Path, request_text: str) -> None:
    async with patient(tmp_path) as egress:
        said = await answer(await egress.admit("one", task(tmp_path, "x")), request_text)
        assert said.startswith("HTTP/1.1 400 this is a proxy: ask it for http://host/path, or CONNECT host:port")


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "10.0.0.1", "169.254.169.254", "100.100.100.200", "168.63.129.16", "0.0.0.0", "224.0.0.1", "::1",
     "::ffff:10.0.0.1", "fd00:ec2::254", "fe80::1", "64:ff9b::a00:1", "2002:a00:1::1", "ff0e::1"],
)  # fmt: skip
def test_addresses_that_are_not_public_are_known_in_every_disguise(address: str) -> None:
    assert not reachable(address, [])
    assert reachable(address, [ip_network("0.0.0.0/0"), ip_network("::/0")])
    assert reachable("1.1.1.1", [])
    assert reachable("2606:4700::1111", [])


@pytest.mark.docker
async def test_a_docker_engine_that_no_socket_crosses_into_refuses_sandboxes_with_a_way_out(tmp_path: Path) -> None:
    async with patient(tmp_path) as egress, open_backend("docker-exec", tmp_path) as backend:
        spec = specify(mounts=await egress.admit("one", task(tmp_path, "example.org")))
        with pytest.raises(BackendUnavailable, match="start the server with --sandbox bubblewrap"):
            await backend.start(spec)
