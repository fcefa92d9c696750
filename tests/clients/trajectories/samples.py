"""Trajectories to convert: of our own sessions, and as MLGym writes them."""

import json
from typing import Any

from mlgym_clients.records.attempt import Attempt, Measure, Usage
from mlgym_clients.records.folder import Event
from mlgym_clients.records.message import Message, ToolCall
from mlgym_clients.records.task import TaskFacts
from mlgym_clients.trajectories.trajectory import Trajectory

HOSTILE = 'a\u0000b\u001b[31m "quoted" \\ \u2028 `x` ``` </script> \U0001f600 \r\n'
BINARY = {"$base64": "/2JpbgE="}
TOY = TaskFacts(id="toy-v1", title="Toy", domain="games", metric="accuracy", goal="maximize", target=1.0)


def bash(command: str, output: Any = "", *, at: float = 1.0, **result: Any) -> Event:
    """A command and what it printed."""
    told = {
        "job": "j1",
        "running": False,
        "exit_code": 0,
        "head": output,
        "tail": "",
        "omitted": 0,
        "cwd": "/workspace",
    }
    request = {"command": command, "background": False}
    return {
        "kind": "bash",
        "at": at,
        "seconds": 0.5,
        "request": request,
        "reply": {"result": {**told, **result}, "budget": {"steps": 9}},
        "error": None,
    }


def edit(**request: Any) -> Event:
    """A view of a file that shows what it was given as text."""
    whole = {"command": "create", "path": "a.txt", "file_text": None, "old_str": None, **request}
    reply = {"path": "a.txt", "content": None, "snippet": None, "overwrote": False}
    return {"kind": "edit", "at": 2.0, "seconds": 0.1, "request": whole, "reply": reply, "error": None}


def verdict(phase: str, accuracy: float, **score: Any) -> Event:
    """A score that a call came to."""
    told = {"scores": {"accuracy": accuracy}, "standard_error": {"accuracy": 0.01}, "baseline": {"accuracy": 0.5}}
    reply = {"phase": phase, "outcome": "scored", "score": {**told, **score}, "fault": None, "budget": {"steps": 7}}
    return {"kind": phase, "at": 3.0, "seconds": 1.0, "request": {}, "reply": reply, "error": None}


def refused(command: str, why: str) -> Event:
    """A command that was refused."""
    return {**bash(command), "reply": None, "error": why}


def attempt(**changes: Any) -> Attempt:
    """An attempt that was submitted."""
    measure = Measure(
        phase="submit", outcome="scored", scores={"accuracy": 0.8}, baseline={"accuracy": 0.5}, reward=0.6
    )
    facts = {
        "task": "toy-v1",
        "agent": "worker",
        "number": 1,
        "state": "finished",
        "flavour": "sample",
        "exit_status": "submitted",
        "steps": 4,
        "measures": (measure,),
        **changes,
    }
    return Attempt(**facts)


def silent() -> Trajectory:
    """One of an agent that says nothing, with all that makes formats stumble."""
    events = [
        bash("cd deep; echo here", f"{HOSTILE}here\n", cwd="/workspace/deep"),
        bash("cat picture", BINARY, exit_code=3, omitted=7, at=1.5),
        edit(file_text=HOSTILE),
        refused("ls", "no more\n"),
        verdict("validate", 0.7),
        verdict("submit", 0.8),
    ]
    return Trajectory(attempt(), events, submission="a" * 64)


def spoken() -> Trajectory:
    """One of a model that calls two tools at once, and one that leaves no event."""
    said = (
        Message(role="system", content="Be good."),
        Message(role="user", content=f"Do it. {HOSTILE}"),
        Message(
            role="assistant",
            content="Both.",
            thinking="Hm.",
            tool_calls=(
                ToolCall(id="c1", name="bash", arguments={"command": "echo 1"}),
                ToolCall(id="c2", name="status"),
            ),
            at=1.0,
            usage=Usage(requests=1, input_tokens=10, cached_tokens=4, output_tokens=3, cost=0.25),
        ),
        Message(role="tool", content="1\n[exit 0]", tool_call_id="c1", at=1.0),
        Message(role="tool", content="open", tool_call_id="c2", at=1.0),
        Message(role="assistant", tool_calls=(ToolCall(id="c3", name="submit"),), at=2.0),
        Message(role="tool", content="accuracy 0.8", tool_call_id="c3", at=2.0),
        Message(role="assistant", content="Done.", at=3.0),
    )
    used = Usage(requests=1, input_tokens=10, cached_tokens=4, output_tokens=3, cost=0.25)
    return Trajectory(attempt(usage=used), [bash("echo 1", "1\n"), verdict("submit", 0.8)], said, "a" * 64)


def original(**info: Any) -> dict[str, Any]:
    """A `.traj` as MLGym writes it, of the house prices."""

    def step(action: str, observation: str, thought: str = "Next.") -> dict[str, Any]:
        state = json.dumps({"open_file": "/home/agent/workspace/train.py", "working_dir": "/home/agent/workspace"})
        response = f"DISCUSSION\n{thought}\n```\n{action}\n```"
        seen = {"execution_time": 1.5, "observation": observation}
        return {"state": state, "response": response, "thought": thought, "action": action, **seen}

    scores = [{"rmse": 30000.5, "r2": 0.81}, {"rmse": 29000.0, "r2": 0.9}]
    steps = [
        step("ls\n", "train.py\n"),
        step("create train.py", "[File: /home/agent/workspace/train.py (1 lines total)]\n1:"),
        step("edit 1:1\nprint(1)\nend_of_edit", "[File: train.py (1 lines total)]\n1:print(1)"),
        step("validate", "No submission artefact was produced."),
        step("python train.py && echo", "1\n"),
        step("validate", f"Baseline Score: {{'rmse': 30340.1, 'r2': 0.88}}\nEvaluation Score: {scores[0]}"),
        step("submit", "Exited (submit)"),
    ]
    history: list[dict[str, Any]] = [
        {"role": "system", "content": "SETTING", "agent": "primary"},
        {"role": "user", "content": "an example", "agent": "primary", "is_demo": True},
        {"role": "user", "content": "TASK", "agent": "primary"},
    ]
    for one in steps:
        words = {"thought": one["thought"], "action": one["action"]}
        history.append({"role": "assistant", "content": one["response"], **words, "agent": "primary"})
        history.append({"role": "user", "content": one["observation"], "agent": "primary"})
    stats = {"total_cost": 1.5, "task_cost": 0.5, "tokens_sent": 900, "tokens_received": 90, "api_calls": 7}
    facts = {"exit_status": "submitted", "submission": "submission.csv", "score": scores, "model_stats": stats, **info}
    return {"environment": "mlgym_main", "trajectory": steps, "history": history, "info": facts}
