"""A stream to a guest is cut, or a sandbox killed from outside: callers are told, what was told lasts, the rest goes.

Where the sandbox lives, the session goes on, at once or with the next call; where it does not, the session is lost, with
its trajectory and what was handed in.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import pytest
from mcp import Client

from mlgym_mcp.store import Store
from tests.faults.killing import Moment, Victim, When
from tests.faults.lives import Ask, Lives, ask, begin
from tests.faults.points import SANDBOX, STORE, SUBMISSION
from tests.faults.remains import remains
from tests.sandbox.boxes import until

GONE = "XX"
ENDED = "XX"
SCORED = "'points': 7.0"
START, LOG = ask("start", "'state': 'open'"), ask("bash", "x\n[exit 0", command="cat log")
WORK = ask("bash", "exit 0", command="echo x >> log; head -c 30000 /dev/zero | tr '\\0' x")


@dataclass(frozen=True)
class Cut:
    """What is cut or killed, when, and what a client sees of it."""

    name: str
    victim: Victim
    at: str
    when: When
    only: str
    asks: tuple[Ask, ...]
    state: str = "open"
    scores: tuple[str, ...] = ()

    def moment(self, backend):
        return Moment(self.at, self.when, (self.only,), 1, self.victim)

SEND, FILL = f"{SANDBOX}.link:_Stream._send", f"{SANDBOX}.frames:FrameReceiver._fill"
ADD, RUNNER = f"{STORE}.artefacts:Artefacts.add", "mlgym_mcp.scoring.runner:Runner"
CUTS = [
    Cut("bash sandbox", "sandbox", SEND, "after", "echo x", (START, WORK, LOG), "lost"),
    Cut("start sandbox", "sandbox", f"{SANDBOX}.guest:Guest.write", "before", "", (START, START, WORK, LOG)),
    Cut("validate sandbox", "sandbox", ADD, "before", "", (START, SUBMISSION, ask("validate", wait_s=50), LOG), "lost"),
    Cut("submit sandbox", "sandbox", ADD, "before", "", (START, SUBMISSION, ask("submit", wait_s=50), LOG, ask("submit", wait_s=50)), "lost"),
    Cut("validate judge", "sandbox", f"{RUNNER}.start", "after", "'judge'", (START, SUBMISSION, ask("validate", wait_s=50), ask("validate", wait_s=50))),
    Cut("submit judge", "sandbox", f"{RUNNER}.start", "after", "'judge'", (START, SUBMISSION, ask("submit", wait_s=50), ask("submit", wait_s=50)), "submitted"),
    Cut("submit contestant", "sandbox", f"{RUNNER}.start", "after", "'contestant'", (START, SUBMISSION, ask("submit", wait_s=50), ask("submit", wait_s=50)), "submitted"),
    Cut("memory", "server", "mlgym_mcp.services:open_services", "after", "never", (START, ask("bash", wait_s=50, command="head -c 60000000 /dev/zero > /dev/shm/a; head -c 127000000 /dev/zero > /tmp/a; for i in {1..90}; do (x=$(head -c 2000000 /dev/zero | tr '\\0' x); exec -a x sleep 1000 & sleep 1000) & done; wait"), LOG), "lost"),
    Cut("bash stream sent", "stream", SEND, "half sent", "echo x", (START, WORK, LOG)),
    Cut("bash stream received", "stream", FILL, "half received", r", \d{5}\)", (START, WORK, LOG)),
    Cut("start stream", "stream", SEND, "half sent", '"op":"append"', (START, START, WORK, LOG)),
    Cut("validate stream", "stream", FILL, "half received", r", \d{6}\)", (START, SUBMISSION, ask("validate", wait_s=50), ask("validate", wait_s=50))),
    Cut("submit stream", "stream", FILL, "half received", r", \d{6}\)", (START, SUBMISSION, ask("submit", wait_s=50), ask("submit", wait_s=50))),
    Cut("relay stream", "stream", SEND, "half sent", '"op":"(feed|give|spawn|put|program)', (START, SUBMISSION, ask("submit", wait_s=50), ask("submit", wait_s=50))),
]


@pytest.mark.parametrize("backend", ["bubblewrap", "docker"])
@pytest.mark.parametrize("cut", CUTS, ids=lambda cut: cut.name)
async def test_what_is_cut(tmp_path: Path, cache_dir: Path, prepared: Path, cut: Cut, backend: str) -> None:
    begin(prepared, tmp_path)
    lives = Lives(tmp_path, cache_dir, cut.moment(backend), settings={"sandbox": backend})
    async with lives.server() as (url, _), Client(f"{url}/mcp") as client:
        for number, one in enumerate(cut.asks):
            try:
                answer = await lives.call(client, one, number=number)
            except IndexError:
                continue
            print(">>>", one.tool, answer.is_error, answer.content[0].text[:500])
        with Store.open(lives.data) as store:
            for row in store.sessions.list():
                print("###", row.state, row.reason, row.exit_status, row.submission)
                print("   ", [(e.kind, e.finished, e.error) for e in store.events.list(row.id)])
            for session in lives.sessions:
                f = (await client.call_tool("status", {"session": session})).structured_content or {}
                print("@@@", f["state"], f["left"]["steps"])
            for row in store.sessions.live():
                await client.call_tool("end", {"session": row.id})
    print(Path(tmp_path/"server.log").read_text()[-3000:])
    left = partial(remains, lives.data, docker=backend == "docker")
    with suppress(TimeoutError):
        await until(lambda: not left(), within=5)
    print("LEFT", left())
