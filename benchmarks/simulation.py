"""Thousands of sessions on a cluster that is only simulated, by the real session manager and its real queue.

Virtual time: a day of a cluster's life takes minutes. What is real is the manager, the queue, keepers, ledgers, the
referee and SQLite; what is simulated are the sandboxes, which take time and do nothing, and the agents.

    python benchmarks/simulation.py [--sessions 10000] [--nodes 16] [--cpus 64] [--gpus 8] [--load 0.9] [--check]
"""

import argparse
import random
import sys
import tempfile
import time
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import anyio
import pretence
import structlog
import virtual_time
from cluster import Cluster, Size
from crowd import Crowd, Habits, SlowReferee, rate
from fairness import jain, overtakings, quantile, told
from kernel import PROC
from kinds import KINDS, write_tasks
from measuring import MIB, Claim, machine, table

from mlgym_mcp.meter import Meter
from mlgym_mcp.scoring.referee import Referee
from mlgym_mcp.sessions.call import MAX_WAIT
from mlgym_mcp.sessions.limits import SessionLimits
from mlgym_mcp.sessions.manager import SessionManager
from mlgym_mcp.sessions.services import Services
from mlgym_mcp.store import Store
from mlgym_mcp.tasks.catalog import Catalog

HOUR = 3600.0


@dataclass(frozen=True, slots=True)
class Scenario:
    """What is simulated."""

    sessions: int
    size: Size
    load: float
    """Of the CPUs of all nodes, if none were ever idle while somebody waits."""
    waiting: int
    """Sessions that may wait at once."""
    seed: int
    habits: Habits = Habits()


@dataclass(slots=True)
class Looks:
    """How the server stood, hour by hour."""

    most_waiting: int = 0
    most_open: int = 0
    memory: list[float] = field(default_factory=list)
    """Bytes of the process."""

    async def watch(self, manager: SessionManager) -> None:
        """Look a few times an hour, until cancelled."""
        while True:
            census = manager.census()
            self.most_waiting = max(self.most_waiting, sum(census.waiting.values()))
            self.most_open = max(self.most_open, census.open)
            self.memory.append(_resident())
            print(f"{anyio.current_time() / HOUR:5.1f} h: {census.open} open, {census.waiting}", file=sys.stderr)
            await anyio.sleep(HOUR / 4)


@dataclass(slots=True)
class Transactions(Meter):
    """Counts what the store writes."""

    count: int = 0
    seconds: float = 0.0

    def committed(self, seconds: float) -> None:
        self.count += 1
        self.seconds += seconds


async def simulate(scenario: Scenario, folder: Path) -> list[Claim]:
    """Run a scenario to its end."""
    began, cpu, dice = time.perf_counter(), time.process_time(), random.Random(scenario.seed)
    write_tasks(folder / "tasks")
    cluster, looks, meter = Cluster(scenario.size, dice), Looks(), Transactions()
    with Store.open(folder / "data") as store:
        services = _services(store, Catalog([folder / "tasks"]), cluster, meter, scenario, dice)
        async with SessionManager.open(services, _limits(scenario)) as manager, anyio.create_task_group() as tasks:
            tasks.start_soon(looks.watch, manager)
            crowd = Crowd(manager, store, cluster, scenario.habits, dice)
            await crowd.come(scenario.sessions, rate(scenario.size, scenario.habits, scenario.load))
            hours = anyio.current_time() / HOUR
            tasks.cancel_scope.cancel()
        stored = store.database.size
    spent = Spent(time.perf_counter() - began, time.process_time() - cpu, hours, stored)
    return [
        *_outcome(crowd, scenario),
        *_waiting(crowd, cluster, scenario, hours),
        *_server(looks, meter, crowd, spent),
    ]


@dataclass(frozen=True, slots=True)
class Spent:
    """What a simulation took."""

    wall: float
    cpu: float
    hours: float
    """Of virtual time."""
    stored: int
    """Bytes."""


def _services(
    store: Store, catalog: Catalog, cluster: Cluster, meter: Meter, scenario: Scenario, dice: random.Random
) -> Services:
    found = pretence.services(store, catalog, cluster, meter)
    assert isinstance(found.referee, Referee)
    referee = SlowReferee(found.referee, scenario.habits, dice)
    return replace(found, referee=referee, clock=virtual_time.VirtualClock(), gpu_claims=store.folder / "claims")


def _limits(scenario: Scenario) -> SessionLimits:
    size = scenario.size
    return SessionLimits(
        max_sessions=scenario.sessions,
        max_memory=size.nodes * size.memory,
        max_cpus=size.nodes * size.cpus,
        max_waiting=scenario.waiting,
        scoring_limit=4 * size.nodes,
        notify_s=MAX_WAIT,  # nobody listens
    )


def _outcome(crowd: Crowd, scenario: Scenario) -> list[Claim]:
    told = ", ".join(f"{count} {outcome}" for outcome, count in crowd.outcomes.most_common(5))
    failed = scenario.sessions - crowd.outcomes["submitted"]
    return [Claim("sessions that came to no score", failed, f"{told}; {crowd.calls} calls", at_most=0, unit="")]


def _waiting(crowd: Crowd, cluster: Cluster, scenario: Scenario, hours: float) -> list[Claim]:
    seconds = [wait.seconds for wait in crowd.waits]
    kinds = {kind.name: [wait.seconds for wait in crowd.waits if wait.kind == kind.name] for kind in KINDS}
    means = [sum(found) / len(found) for found in kinds.values() if found]
    each = "; ".join(f"{kind} {told(found)}" for kind, found in kinds.items() if found)
    longest = {kind: max(found, default=0.0) for kind, found in kinds.items()}
    used = cluster.nodes.used / (scenario.size.nodes * scenario.size.cpus * HOUR * hours)
    beside = longest["large"] / max(longest["small"], 60.0)
    within = overtakings((wait.accepted, wait.let_in) for wait in crowd.waits)
    outside = overtakings((wait.came, wait.let_in) for wait in crowd.waits)
    return [
        Claim("median time in queue", quantile(seconds, 0.5) / 60, f"all {told(seconds)}; {each}", unit="min"),
        Claim("overtakings in the queue", within, f"of {len(seconds)} who waited", at_most=0, unit=""),
        Claim("overtakings of who was refused at first", outside - within, f"{crowd.refused} times", unit=""),
        Claim("Jain's index of the kinds' mean waiting", jain(means), "1: all wait alike", unit=""),
        Claim("longest wait of a large one, of a small one's", beside, "", at_most=1.5),
        Claim("wait for a node, longest", max(cluster.nodes.waits) / 60, told(cluster.nodes.waits), unit="min"),
        Claim("CPUs of the cluster in use", 100 * used, f"{cluster.most} sandboxes at most", unit="%"),
    ]


def _server(looks: Looks, meter: Transactions, crowd: Crowd, spent: Spent) -> list[Claim]:
    each = 1000 * spent.cpu / len(crowd.waits)
    memory = f"{looks.memory[0] / MIB:.0f} MB → {looks.memory[-1] / MIB:.0f} MB"
    most = f"{looks.most_open} open and {looks.most_waiting} waiting at most"
    kept = spent.stored / 1024 / len(crowd.waits)
    commits = f"{meter.count} transactions, {meter.seconds:.0f} s"
    return [
        Claim("memory of the process, at most", max(looks.memory) / MIB, f"{memory}; {most}", unit="MB"),
        Claim("store", spent.stored / MIB, f"{kept:.1f} kB a session; {commits}", unit="MB"),
        Claim("CPU of the process for a session", each, f"{spent.cpu:.0f} s, agents and sandboxes within", unit="ms"),
        Claim("simulated", spent.hours, f"in {spent.wall:.0f} s", unit="h"),
    ]


def _resident() -> float:
    lines = (PROC / "self" / "status").read_text().splitlines()
    return 1024.0 * int(next(line.split()[1] for line in lines if line.startswith("VmRSS:")))


def _scenario() -> tuple[Scenario, bool]:
    size = Size()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sessions", type=int, default=10_000)
    parser.add_argument("--nodes", type=int, default=size.nodes)
    parser.add_argument("--cpus", type=int, default=size.cpus, help="of each node")
    parser.add_argument("--gpus", type=int, default=size.gpus, help="of each node")
    parser.add_argument("--load", type=float, default=0.9, help="CPUs asked for, of those there are")
    parser.add_argument("--waiting", type=int, default=1000, help="sessions that may wait at once")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--check", action="store_true", help="exit with 1 when a target is missed")
    given = parser.parse_args()
    size = Size(given.nodes, given.cpus, gpus=given.gpus)
    return Scenario(given.sessions, size, given.load, given.waiting, given.seed), given.check


def main() -> None:
    """Simulate what the command line asks for."""
    scenario, check = _scenario()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))  # errors alone
    with tempfile.TemporaryDirectory(prefix="mlgym-mcp-simulation-") as folder:
        claims = virtual_time.run(partial(simulate, scenario, Path(folder)))
    print(f"{machine()}\n\n{scenario}\n\n{table(claims)}")
    if check and any(claim.met is False for claim in claims):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
