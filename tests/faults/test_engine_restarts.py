"""A Docker engine ends and comes back under live sessions: what lives goes on, the rest is lost and says so."""

import os
import signal
from pathlib import Path
from typing import Any

import pytest
from mcp import Client

from mlgym_mcp.store import Store
from tests.faults.engine import private_engine
from tests.faults.lives import Ask, Lives, ask, begin
from tests.faults.points import SUBMISSION
from tests.faults.remains import nothing_remains
from tests.gateway import text

pytestmark = [
    pytest.mark.docker,
    pytest.mark.exhaustive,
    pytest.mark.skipif(os.geteuid() != 0, reason="only root may run an engine"),
]


@pytest.mark.parametrize("live_restore", [True, False], ids=["with live-restore", "without live-restore"])
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM], ids=lambda number: number.name)
async def test_sessions_outlive_an_engine_as_far_as_their_containers_do(
    tmp_path: Path, cache_dir: Path, prepared: Path, number: signal.Signals, live_restore: bool
) -> None:
    begin(prepared, tmp_path)
    async with private_engine(live_restore=live_restore) as engine:
        lives = Lives(tmp_path, cache_dir, settings={"sandbox": "docker"}, variables={"DOCKER_HOST": engine.address})
        async with lives.server() as (url, _), Client(f"{url}/mcp") as client:

            async def told(asked: Ask) -> str:
                answer = await lives.call(client, asked, number=len(lives.answers))
                lives.answers.append(answer)
                print(">>>", asked.tool, answer.is_error, text(answer)[:300])
                return text(answer)

            await told(ask("start"))
            await told(SUBMISSION)
            await told(ask("validate", wait_s=50))
            await told(ask("bash", command="cd /tmp; kept=in-the-shell"))
            await told(ask("bash", background=True, command="sleep 1000"))
            await engine.end(number)
            await told(ask("start"))
            await told(ask("bash", command="echo $kept"))
            await told(ask("validate", wait_s=50))
            await engine.start()
            await told(ask("bash", command="echo $kept"))
            await told(ask("job", job="j4", wait_s=0))
            await told(ask("validate", wait_s=50))
            await told(ask("start"))
            await told(ask("bash", of=1, command="cat hint"))
            await told(ask("end", of=1))
            await told(ask("end"))
        print(Path(tmp_path/"server.log").read_text()[-3000:])
        await nothing_remains(lives.data, engine=engine.address)
