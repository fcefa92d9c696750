"""What an operator's programs are told: whether the server takes sessions, and its figures."""

import re
from collections.abc import Iterator
from pathlib import Path

import anyio
import pytest
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from mlgym_mcp.errors import BackendUnavailable, SandboxError, StoreError
from mlgym_mcp.sessions import readiness
from mlgym_mcp.sessions.drain import Drain
from mlgym_mcp.store.database import Database
from tests.fakes import TASK, World
from tests.tools.stage import refused, start, told
from tests.web.stage import TOKEN, Site, call, site

OPERATING = Path(__file__).parents[2] / "docs/operating.md"


async def figures(served: Site) -> dict[str, float]:
    """All samples by their name and labels, as Prometheus reads them."""
    async with served.raw() as http:
        answer = await http.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    return dict(samples(answer.text))


def samples(exposition: str) -> Iterator[tuple[str, float]]:
    for family in families(exposition):
        for sample in family.samples:
            labels = ",".join(f"{name}={value}" for name, value in sorted(sample.labels.items()))
            yield f"{sample.name}{{{labels}}}" if labels else sample.name, sample.value


def families(exposition: str) -> list[Metric]:
    return list(text_string_to_metric_families(exposition))


async def test_a_server_that_can_start_sessions_is_ready(tmp_path: Path) -> None:
    async with site(World(tmp_path)) as served, served.raw() as http:
        answer = await http.get("/readyz")
    assert answer.status_code == 200
    assert answer.json()["status"] == "ready"
    assert {part: check["ok"] for part, check in answer.json()["checks"].items()} == {
        part: True for part in ("staying", "backend", "store", "disk")
    }


async def silent(_: object) -> list[str]:
    raise SandboxError("the engine at /secret/place does not answer")


def read_only(_: object) -> None:
    raise StoreError("/secret/place/mlgym.sqlite is read-only")


@pytest.mark.parametrize("part", ["backend", "store", "disk"])
async def test_a_server_that_lacks_something_says_what_to_do_without_a_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, part: str
) -> None:
    world = World(tmp_path)
    if part == "backend":
        monkeypatch.setattr(type(world.backend), "ids", silent)
    elif part == "store":
        monkeypatch.setattr(Database, "check_writable", read_only)
    else:
        monkeypatch.setattr(readiness, "LEAST_FREE", 1 << 60)
    async with site(world) as served, served.raw() as http:
        answer = await http.get("/readyz")
    assert answer.status_code == 503
    failing = {name: check for name, check in answer.json()["checks"].items() if not check["ok"]}
    assert list(failing) == [part]
    assert len(failing[part]["advice"]) > 20 and "/" not in failing[part]["advice"].replace("`mlgym-mcp doctor`", "")


async def test_a_backend_that_cannot_be_opened_is_told_and_tried_again(tmp_path: Path) -> None:
    errors: list[Exception] = [BackendUnavailable("no engine at /secret/place")]
    async with site(World(tmp_path), errors=errors) as served, served.raw() as http:
        answer = await http.get("/readyz")
        assert answer.status_code == 503 and "doctor" in answer.json()["checks"]["opening"]["advice"]
        assert "secret" not in answer.text
        with anyio.fail_after(10):
            while (await http.get("/readyz")).status_code != 200:
                await anyio.sleep(0.1)


async def test_strangers_learn_the_status_and_nothing_else(tmp_path: Path) -> None:
    async with site(World(tmp_path), token=TOKEN) as served:
        async with Site(served.url).raw() as stranger, served.raw() as known:
            assert (await stranger.get("/readyz")).json() == {"status": "ready"}
            assert "checks" in (await known.get("/readyz")).json()
            assert (await stranger.get("/metrics")).status_code == 401
            assert (await known.get("/metrics")).status_code == 200


async def test_a_server_that_drains_is_not_ready_and_starts_nothing_new(tmp_path: Path) -> None:
    drain = Drain()
    async with site(World(tmp_path), drain=drain) as served, served.client() as client, served.raw() as http:
        session = await start(client)
        await drain.run()
        answer = await http.get("/readyz")
        assert answer.status_code == 503 and "being stopped" in answer.json()["checks"]["staying"]["advice"]
        assert "takes no new sessions" in await refused(client, "start", task=TASK)
        assert "hello" in await told(client, "bash", session=session, command="echo hello")


async def test_the_life_of_a_session_is_counted(tmp_path: Path) -> None:
    async with site(World(tmp_path), pool=1) as served, served.client() as client, served.raw() as http:
        session = await start(client)
        await told(client, "bash", session=session, command="true")
        await refused(client, "bash", session="none", command="true")
        await refused(client, "bash")
        body, headers = call("no-such-tool-" + session)
        await http.post("/mcp", json=body, headers=headers)
        going_on = await figures(served)
        await told(client, "submit", session=session)
        over = await figures(served)
    assert going_on["mlgym_sessions_open"] == 1 and going_on["mlgym_capacity_used{kind=places}"] == 1
    assert going_on["mlgym_tool_call_seconds_count{outcome=ok,tool=bash}"] == 1
    assert going_on["mlgym_tool_call_seconds_count{outcome=refused,tool=bash}"] == 2
    assert going_on["mlgym_tool_call_seconds_count{outcome=refused,tool=unknown}"] == 1
    assert going_on["mlgym_guest_requests_total"] > 0 and going_on["mlgym_store_commit_seconds_count"] > 0
    assert going_on["mlgym_sandbox_start_seconds_count{backend=fake,warm=no}"] == 1
    assert going_on["mlgym_pool_misses_total"] == 1 and going_on["mlgym_http_requests_total{code=200,method=POST}"] > 3
    assert over[f"mlgym_sessions_started_total{{task={TASK}}}"] == 1
    assert over[f"mlgym_sessions_ended_total{{exit_status=submitted,task={TASK}}}"] == 1
    assert over[f"mlgym_scoring_seconds_count{{outcome=scored,phase=submit,task={TASK}}}"] == 1
    assert over["mlgym_sessions_open"] == 0
    assert not any(session in name for name in over)


async def test_a_call_at_which_the_server_fails_is_counted_as_such(tmp_path: Path) -> None:
    async with site(World(tmp_path)) as served, served.client() as client:
        session = await start(client)
        world_breaks = RuntimeError("a bug")
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("mlgym_mcp.sessions.session.Session.status", raising(world_breaks))
            assert "no fault of yours" in await refused(client, "status", session=session)
        counted = await figures(served)
    assert counted["mlgym_tool_call_seconds_count{outcome=failed,tool=status}"] == 1


def raising(error: Exception) -> object:
    async def fail(*_: object, **__: object) -> None:
        raise error

    return fail


async def test_a_session_that_waits_is_counted_by_what_it_waits_for(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.preparer.gate = anyio.Event()
    async with site(world, max_sessions=1) as served, served.client() as client:
        first = await start(client, wait_s=0)
        assert (await figures(served))["mlgym_sessions_waiting{stage=preparation}"] == 1
        world.preparer.gate.set()
        while "open" not in await told(client, "status", session=first):
            await anyio.lowlevel.checkpoint()
        await start(client, wait_s=0)
        with anyio.fail_after(10):
            while (await figures(served)).get("mlgym_sessions_waiting{stage=place}") != 1:
                await anyio.lowlevel.checkpoint()


async def test_running_jobs_are_counted_when_their_sessions_are_looked_at(tmp_path: Path) -> None:
    world = World(tmp_path)
    async with site(world) as served, served.client() as client:
        session = await start(client)
        await told(client, "bash", session=session, command="hang", background=True)
        world.clock.advance(world.limits.tick_s)
        with anyio.fail_after(10):
            while (await figures(served))["mlgym_jobs_running"] != 1:
                await anyio.lowlevel.checkpoint()
        await told(client, "end", session=session)
        assert (await figures(served))["mlgym_jobs_running"] == 0


async def test_every_metric_that_the_documents_name_exists(tmp_path: Path) -> None:
    async with site(World(tmp_path)) as served, served.raw() as http:
        told_of = families((await http.get("/metrics")).text)
    # The parser leaves `_total` out of a counter's name.
    known = {name for family in told_of for name in (family.name, f"{family.name}_total")}
    known |= {f"{family.name}{end}" for family in told_of for end in ("_bucket", "_count", "_sum")}
    named = set(re.findall(r"\b(?:mlgym|process)_[a-z_]+", OPERATING.read_text()))
    assert len(named) > 20 and named <= known, named - known


async def test_a_request_is_named_by_its_caller_or_else_by_the_server(tmp_path: Path) -> None:
    async with site(World(tmp_path)) as served, served.raw() as http:
        assert (await http.get("/healthz", headers={"X-Request-Id": "mine-1"})).headers["x-request-id"] == "mine-1"
        for name in ("", "a b", "x" * 65, '{"a":1}'):
            answer = await http.get("/healthz", headers={"X-Request-Id": name})
            assert re.fullmatch("[0-9a-f]{12}", answer.headers["x-request-id"])
