"""What the same call costs in peers that install from PyPI: `true` in a Docker sandbox, from outside of it.

Each peer gets an environment of its own in a folder that is kept, and runs a program of `peer_programs/` there, in the
image that our plain sandboxes have. Ours is called through MCP over stdio. A peer that can't be installed or run is a
row that says so. Inspect needs Docker's Compose plugin, version 2.21 or newer.

    python benchmarks/beside_peers.py --peers FOLDER [--rounds 5] [--calls 100]
"""

import json
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import anyio
from anyio import BrokenResourceError, EndOfStream, to_thread
from anyio.abc import Process
from anyio.streams.buffered import BufferedByteReceiveStream
from containers import plain_image
from measuring import Claim, Plan, Round, interleaved, main, median_time
from serving import place, started, stdio_client

PROGRAMS = Path(__file__).parent / "peer_programs"
MOST_LINE = 4096
LAST_WORDS = 30.0
"""Seconds that a program which answers no more may take to say why."""
OURS = "mlgym-mcp"


class PeerFailed(Exception):
    """A peer could not be installed or run; says why."""


@dataclass(frozen=True, slots=True)
class Peer:
    """A peer's name, its program, and what of PyPI it is."""

    name: str
    program: str
    requirements: tuple[str, ...]


PEERS = (
    Peer("Inspect", "inspect_docker.py", ("inspect_ai==0.3.285",)),
    Peer("SWE-ReX", "swe_rex.py", ("swe-rex==1.4.0", "aiohttp")),  # it imports aiohttp without saying so
    Peer("verifiers", "verifiers_docker.py", ("verifiers==0.4.0",)),
)


async def measure(plan: Plan) -> list[Claim]:
    """Measure all that can be run, in interleaved rounds."""
    if plan.peers is None:
        return []
    failed: dict[str, str] = {}
    starts: dict[str, float] = {}
    async with AsyncExitStack() as stack:
        image = await plain_image()
        ours = await stack.enter_async_context(_ours(plan.calls))
        subjects: dict[str, Round] = {OURS: ours}
        for peer in PEERS:
            try:
                python = await to_thread.run_sync(_installed, plan.peers, peer)
                running = await stack.enter_async_context(_running(python, peer, image))
                starts[peer.name] = await running.told("start")
                await running.calls(1)
                subjects[peer.name] = partial(running.calls, plan.calls)
            except PeerFailed as error:
                failed[peer.name] = str(error)
        medians = await interleaved(subjects, plan.rounds)
    return [_claim(peer, medians, starts, failed) for peer in PEERS]


@dataclass(frozen=True, slots=True)
class Running:
    """The program of a peer, and what it says."""

    process: Process
    said: BufferedByteReceiveStream
    log: Path

    async def told(self, name: str) -> float:
        """The next figure, which has this name.

        Raises:
            PeerFailed: there is none.
        """
        try:
            return float(json.loads(await self.said.receive_until(b"\n", MOST_LINE))[name])
        except (EndOfStream, BrokenResourceError, anyio.IncompleteRead):
            with anyio.move_on_after(LAST_WORDS):
                await self.process.wait()
            lines = [line.strip() for line in self.log.read_text(errors="replace").splitlines() if line.strip()]
            telling = [line for line in lines if "rror" in line or "exited" in line] or lines or ["it said nothing"]
            raise PeerFailed(telling[-1].replace("|", "/")) from None

    async def calls(self, count: int) -> float:
        """The median of so many calls, in milliseconds."""
        assert self.process.stdin is not None
        await self.process.stdin.send(f"{count}\n".encode())
        return await self.told("call")


@asynccontextmanager
async def _running(python: Path, peer: Peer, image: str) -> AsyncIterator[Running]:
    """A peer's program; at the end it stops its sandbox."""
    log = python.parents[1] / "log"
    command = [str(python), str(PROGRAMS / peer.program), image]
    with log.open("wb") as errors:
        async with await anyio.open_process(command, stderr=errors) as process:
            assert process.stdout is not None and process.stdin is not None
            yield Running(process, BufferedByteReceiveStream(process.stdout), log)
            await process.stdin.aclose()
            await process.wait()


def _installed(folder: Path, peer: Peer) -> Path:
    """The interpreter of a peer's environment, made if it is missing."""
    environment = folder / peer.name
    python = environment / "bin" / "python"
    complete = environment / "complete"
    if not complete.exists():
        make = [sys.executable, "-m", "venv", "--clear", str(environment)]
        install = [str(python), "-m", "pip", "install", "-q", *peer.requirements]
        for command in (make, install):
            done = subprocess.run(command, capture_output=True, text=True)
            if done.returncode:
                raise PeerFailed(f"it can't be installed: {done.stderr.strip().splitlines()[-1]}")
        complete.touch()
    return python


@asynccontextmanager
async def _ours(calls: int) -> AsyncIterator[Round]:
    async with place("docker") as at:
        async with stdio_client(at) as client:
            session = await started(client)
            yield partial(
                median_time, partial(client.call_tool, "bash", {"command": "true", "session": session}), calls
            )
            await client.call_tool("end", {"session": session})
            await at.emptied()


def _claim(peer: Peer, medians: dict[str, float], starts: dict[str, float], failed: dict[str, str]) -> Claim:
    what = f"{peer.requirements[0]}: `true` in Docker, in commands of ours"
    if peer.name in failed:
        return Claim(what, None, f"did not run: {failed[peer.name]}")
    theirs, ours = medians[peer.name], medians[OURS]
    detail = f"{theirs:.1f} ms, ours {ours:.2f} ms over stdio; its start took {starts[peer.name] / 1000:.1f} s"
    return Claim(what, theirs / ours, detail)


if __name__ == "__main__":
    main(measure, __doc__)
