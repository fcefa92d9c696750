"""MLGym's format: a `.traj` and the `results.json` beside it."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mlgym_clients.trajectories.event import WORKSPACE, folder_after, observation
from mlgym_clients.trajectories.trajectory import Trajectory
from mlgym_clients.trajectories.turns import Action, Turn, turns

ENVIRONMENT = "mlgym_mcp"
AGENT = "main"
RESULTS = "results.json"
LOSSES = (
    "the server's replies but for what was shown of them: budgets, hashes, exit statuses, whole outputs",
    r"bytes that are no UTF-8, which are written as \xNN",
    "when something happened; how long it took is kept",
    "which call an answer belongs to, where one message called several tools",
    "whether a command was started in the background",
    "rewards, standard errors, and scores that the harness asked for after the end",
)

Document = dict[str, Any]


def to_traj(trajectory: Trajectory) -> Document:
    """A trajectory as a `.traj`."""
    told = turns(trajectory)
    return {
        "environment": ENVIRONMENT,
        "trajectory": list(_steps(told)),
        "history": list(_history(told)),
        "info": _info(trajectory),
    }


def to_results(trajectory: Trajectory) -> Document:
    """The `results.json` of a trajectory."""
    baselines = [one.baseline for one in trajectory.attempt.measures if one.baseline]
    return {"agent": _scores(trajectory), "baseline": baselines[-1] if baselines else {}}


def folder_name(trajectory: Trajectory) -> str:
    """The folder's name, as MLGym's own tools take it apart; an agent stands for its model and its configuration."""
    attempt = trajectory.attempt
    return f"{attempt.agent}__{attempt.task}__default_run_{attempt.number - 1}"


def _steps(told: Sequence[Turn]) -> Iterator[Document]:
    folder = WORKSPACE
    for turn in told:
        for place, action in enumerate(turn.actions):
            folder = (action.event and folder_after(action.event)) or folder
            yield {
                "state": json.dumps({"open_file": "n/a", "working_dir": folder}),
                **_said(turn, action, first=place == 0),
                "execution_time": action.event["seconds"] if action.event else 0.0,
                "observation": _observation(action),
            }


def _history(told: Sequence[Turn]) -> Iterator[Document]:
    for turn in told:
        if turn.role != "assistant" or not turn.actions:
            yield {"role": turn.role, "content": turn.said, "agent": AGENT}
        for place, action in enumerate(turn.actions):
            said = _said(turn, action, first=place == 0)
            yield {
                "role": "assistant",
                "content": said["response"],
                "thought": said["thought"],
                "action": said["action"],
                "agent": AGENT,
            }
            yield {"role": "user", "content": _observation(action), "agent": AGENT}


def _said(turn: Turn, action: Action, *, first: bool) -> Mapping[str, str]:
    """What a model answered in MLGym's three parts; of several actions at once, the first has its words."""
    words = "\n\n".join(filter(None, (turn.thought, turn.said))) if first else ""
    return {"response": f"{words}\n{action.text}" if words else action.text, "thought": words, "action": action.text}


def _observation(action: Action) -> str:
    # What the session kept of an output is more than a model was shown.
    return action.observation if action.event is None else observation(action.event)


def _info(trajectory: Trajectory) -> Document:
    attempt, usage = trajectory.attempt, trajectory.attempt.usage
    counted = usage.requests > 0
    return {
        "exit_status": attempt.exit_status or None,
        "submission": trajectory.submission,
        "score": _scores(trajectory),
        "model_stats": {
            "total_cost": usage.cost,
            "task_cost": usage.cost,
            "tokens_sent": usage.input_tokens if counted else None,
            "tokens_received": usage.output_tokens if counted else None,
            "api_calls": usage.requests if counted else None,
        },
        "task": attempt.task,
        "flavour": attempt.flavour,
        "protocol": attempt.protocol,
    }


def _scores(trajectory: Trajectory) -> list[Mapping[str, float]]:
    return [one.scores for one in trajectory.attempt.measures if one.outcome == "scored"]
