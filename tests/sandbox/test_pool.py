"""The warm pool over every backend."""

import secrets
from pathlib import Path

import anyio

from mlgym_mcp.sandbox.fake import FakeBackend
from mlgym_mcp.sandbox.pool import WarmPool
from tests.sandbox.boxes import every_sandbox, open_backend, specify, until


@every_sandbox
async def test_a_warm_sandbox_is_as_good_as_a_cold_one(kind: str, tmp_path: Path) -> None:
    spec = specify()
    with anyio.fail_after(60):
        async with open_backend(kind, tmp_path) as backend, anyio.create_task_group() as tasks:
            pool = WarmPool(backend, tasks, lambda: f"warm{secrets.token_hex(6)}", size=1)
            pool.fill(spec)
            await until(lambda: pool.warm == 1)
            warm = await pool.take(spec)
            assert warm is not None
            assert pool.warm == 0
            assert await pool.take(spec) is None
            result = await warm.run("pwd; ls -A; touch mine; ls", wait_s=20, time_limit=20)
            assert result.head == b"/workspace\nmine\n"
            tasks.cancel_scope.cancel()
            with anyio.CancelScope(shield=True):
                await backend.remove(warm.sandbox_id)


async def test_what_nobody_takes_is_removed() -> None:
    backend = FakeBackend()
    with anyio.fail_after(5):
        async with anyio.create_task_group() as tasks:
            WarmPool(backend, tasks, lambda: "warm", size=1, kept_s=0).fill(specify())
    assert backend.guests == {}
