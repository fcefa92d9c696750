"""A run as a harness leaves it: three agents at four tasks, with faults, gaps and hostile text."""

import random
from pathlib import Path

from mlgym_clients.records.attempt import Attempt, AttemptKey, Measure, Usage
from mlgym_clients.records.folder import Event, RunFolder
from mlgym_clients.records.message import Message, ToolCall
from mlgym_clients.records.run import AgentSpec, RunFacts
from mlgym_clients.records.task import Published, TaskFacts

HANDLE = "secret-handle-of-a-session"
HOSTILE = "<script>alert(1)</script> \x1b[31mred\x1b[0m \u202egnp.exe\u202c \x00end"
AGENTS = {"baseline": 0.0, "random": 0.1, "gpt-x": 0.7}
"""Agent → the reward that it comes to in the mean."""
USED = Usage(requests=50, input_tokens=70_000, output_tokens=9_000, cost=0.61)


def task(name: str, goal: str, baseline: float, target: float, *, comparable: bool = True) -> TaskFacts:
    return TaskFacts(
        id=name,
        title=name,
        domain="any",
        metric="score",
        goal=goal,  # type: ignore[arg-type]
        baselines={"full/strict": baseline, "full/mlgym": baseline, "sample/strict": baseline},
        target=target,
        comparable=comparable,
        comparable_why="same examples" if comparable else "other clocks",
        published={"o1-preview": Published(attempt=target, submission=(target + baseline) / 2)} if comparable else {},
    )


TASKS = (
    task("battle-of-the-sexes-v1", "maximize", 1.021, 1.44),
    task("3-sat-v1", "minimize", 16.158, 13.652, comparable=False),
    task("blotto-v1", "maximize", -0.248, 0.25),
    task("image-classification-fmnist-v1", "maximize", 0.7835, 0.945),
)


def make(path: Path, *, flavour: str = "full", attempts: int = 4, events: int = 12) -> RunFolder:
    """Write a run; one attempt was never begun, one was left running, and one failed through the infrastructure."""
    chance = random.Random(5)
    folder = RunFolder(path)
    facts = RunFacts(
        name=path.name,
        created_at=1795656937.0,
        tasks=TASKS,
        agents=tuple(AgentSpec(name=agent, kind="model" if agent == "gpt-x" else agent) for agent in AGENTS),
        attempts=attempts,
        flavour=flavour,
        version="0.1.0",
    )
    folder.write_run(facts)
    states = {0: "failed", 1: "running"}
    for place, key in enumerate(facts.keys[:-1]):
        state = states.get(len(facts.keys) - 2 - place, "finished")
        folder.write_attempt(_attempt(key, facts.task(key.task), flavour, state, chance))
        folder.write_events(key, [_event(number) for number in range(events)])
        if key.agent == "gpt-x":
            folder.add_message(key, Message(role="user", content="The brief."))
            call = ToolCall(id="c1", name="bash", arguments={"command": HOSTILE})
            folder.add_message(key, Message(role="assistant", content=HOSTILE, tool_calls=(call,)))
    return folder


def _attempt(key: AttemptKey, facts: TaskFacts, flavour: str, state: str, chance: random.Random) -> Attempt:
    baseline = facts.baselines["full/strict"]
    found = []
    for step in range(5, 45, 10):
        reward = AGENTS[key.agent] * step / 45 + chance.gauss(0, 0.05)
        value = baseline + reward * (facts.target - baseline)
        found.append(_measure("validate", step, value, reward))
    scored = chance.random() > 0.15
    last = _measure("submit", 50, found[-1].scores["score"], found[-1].reward or 0.0)
    if not scored:
        last = Measure(phase="submit", outcome="submission_fault", step=50, fault=HOSTILE)
    return Attempt(
        session=HANDLE,
        task=key.task,
        agent=key.agent,
        number=key.number,
        state=state,  # type: ignore[arg-type]
        flavour=flavour,  # type: ignore[arg-type]
        exit_status="" if state == "failed" else "submitted" if scored else "evaluation_format_error (submit)",
        steps=50,
        seconds=1234.5,
        actions={"bash": 30 + key.number, "edit": 12, "validate": 4, "submit": 1},
        usage=Usage(requests=50, input_tokens=70_000, output_tokens=9_000, cost=0.61)
        if key.agent == "gpt-x"
        else Usage(),
        measures=(*found, last),
        best=found[-1].model_copy(update={"phase": "submit"}),
        detail=f"{HANDLE} {HOSTILE}" if state == "failed" else None,
    )


def _measure(phase: str, step: int, value: float, reward: float) -> Measure:
    scores = {"score": value}
    return Measure(
        phase=phase,  # type: ignore[arg-type]
        outcome="scored",
        step=step,
        scores=scores,
        standard_error={"score": abs(value) / 100},
        upstream_scores=scores if phase == "submit" else None,
        reward=max(-1.0, min(1.0, reward)),
    )


def _event(number: int) -> Event:
    result = {"head": HOSTILE + "\n" + "x" * 200, "tail": "", "omitted": 0, "exit_code": 0, "running": False}
    reply = {"result": result, "budget": {"steps": 49 - number % 50}}
    request = {"command": f"echo {number} {HOSTILE}"}
    return {"kind": "bash", "at": 0.0, "seconds": 0.1, "request": request, "reply": reply, "error": None}
