"""What one tool call costs: `bash("true")` through MCP, over stdio and HTTP, on each backend.

Beside it, on the same server and by the same client (the SDK's), a tool that does nothing: the price of MCP itself; and
one `docker exec`, the usual way to run a command in a sandbox.

    python benchmarks/tool_call.py [--rounds 5] [--calls 100] [--check] [bubblewrap] [docker]
"""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial

from containers import executing
from measuring import Claim, Plan, Round, interleaved, main, median_time
from serving import http_client, place, started, stdio_client

CLIENTS = {"stdio": stdio_client, "HTTP": http_client}
MOST_NOOPS = {"stdio": 1.2, "HTTP": 1.15}
"""Times a no-op tool call that a command may cost."""
LEAST_COMMANDS = 20.0
"""Times a command over stdio that one `docker exec` costs at least."""
EXEC = "docker exec"


async def measure(plan: Plan) -> list[Claim]:
    """Measure each backend over each transport."""
    async with AsyncExitStack() as stack:
        subjects: dict[str, Round] = {}
        for backend in plan.backends:
            for transport in CLIENTS:
                subjects |= await stack.enter_async_context(_served(transport, backend, plan.calls))
        if "docker" in plan.backends:
            execute = await stack.enter_async_context(executing())
            subjects[EXEC] = partial(median_time, execute, plan.calls)
        medians = await interleaved(subjects, plan.rounds)
    return [claim for backend in plan.backends for claim in _claims(medians, backend)]


@asynccontextmanager
async def _served(transport: str, backend: str, calls: int) -> AsyncIterator[dict[str, Round]]:
    """A server with an open session, and its two tools to measure."""
    async with place(backend) as at:
        async with CLIENTS[transport](at) as client:
            session = await started(client)

            async def bash() -> None:
                result = await client.call_tool("bash", {"command": "true", "session": session})
                assert not result.is_error, result.content

            async def noop() -> None:
                await client.call_tool("noop", {})

            yield {
                f"{transport} {backend} bash": partial(median_time, bash, calls),
                f"{transport} {backend} no-op": partial(median_time, noop, calls),
            }
            await client.call_tool("end", {"session": session})
            await at.emptied()


def _claims(medians: dict[str, float], backend: str) -> list[Claim]:
    claims = []
    for transport, most in MOST_NOOPS.items():
        bash, noop = (medians[f"{transport} {backend} {tool}"] for tool in ("bash", "no-op"))
        detail = f'`bash("true")` {bash:.2f} ms, no-op tool {noop:.2f} ms'
        claims.append(Claim(f"tool call, {transport}, {backend}", bash / noop, detail, at_most=most))
    if execution := medians.get(EXEC):
        bash = medians[f"stdio {backend} bash"]
        detail = f'`docker exec` {execution:.1f} ms, `bash("true")` {bash:.2f} ms over stdio'
        what = f"one `docker exec`, in commands, {backend}"
        claims.append(Claim(what, execution / bash, detail, at_least=LEAST_COMMANDS))
    return claims


if __name__ == "__main__":
    main(measure, __doc__)
