"""MLGym's format read: trajectories of the original, of SWE-agent, which it comes from, and our own."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

from mlgym_clients.records.attempt import Attempt, Usage
from mlgym_clients.records.folder import Event
from mlgym_clients.records.malformed import MALFORMED, wrong_with
from mlgym_clients.records.message import Message, ToolCall
from mlgym_clients.runs.measures import actions, measures
from mlgym_clients.trajectories.event import ORIGINAL, VERDICTS, WORKSPACE, arguments, of_the_agent
from mlgym_clients.trajectories.traj import ENVIRONMENT
from mlgym_clients.trajectories.trajectory import BadTrajectory, Trajectory
from mlgym_clients.trajectories.verdicts import Verdicts

LOSSES = (
    "a model's words around an action, where its thought and the action are not all of them",
    "demonstrations in the history, and messages that summarise",
    "white space around `validate` and `submit`",
    "the open file of every step but those of MLGym's own commands",
    "when something happened; how long it took is kept",
)
STEPS = 50
"""What the published runs gave."""
TASKS = {
    "3SATTime": "3-sat-v1",
    "battleOfSexes": "battle-of-the-sexes-v1",
    "blotto": "blotto-v1",
    "imageCaptioningCOCO": "image-captioning-coco-v1",
    "imageClassificationCifar10": "image-classification-cifar10-v1",
    "imageClassificationCifar10L1": "image-classification-cifar10-without-baseline-v1",
    "imageClassificationFMnist": "image-classification-fmnist-v1",
    "languageModelingFineWeb": "language-modeling-fineweb-v1",
    "naturalLanguageInferenceMNLI": "natural-language-inference-mnli-v1",
    "prisonersDilemma": "prisoners-dilemma-v1",
    "regressionKaggleHousePrice": "regression-house-price-v1",
    "regressionKaggleHousePriceL1": "regression-house-price-without-baseline-v1",
    "rlBreakoutMinAtar": "rl-breakout-minatar-v1",
    "rlMetaMaze": "rl-meta-maze-v1",
    "rlMetaMazeMisc": "rl-meta-maze-v1",
    "rlMountainCarContinuous": "rl-mountain-car-continuous-v1",
}
"""The original's ids, and ours."""
WINDOW = ("open", "goto", "scroll_down", "scroll_up", "create", "edit", "insert")
"""The original's commands at an open file."""
SEARCHES = (
    "search_dir",
    "search_file",
    "find_file",
    "literature_search",
    "parse_pdf_url",
    "memory_write",
    "memory_read",
)
CALL = re.compile(r"(edit|job|checkpoint|restore) (\{.*\})", re.DOTALL)

Document = Mapping[str, Any]
Call = tuple[str, dict[str, Any]]


def from_traj(document: Document, *, task: str, agent: str, number: int, results: Document | None = None) -> Trajectory:
    """A `.traj` as a trajectory: of full data and the protocol `mlgym`, unless it says otherwise.

    Args:
        document: The file.
        task: Our id, where the document does not have it.
        agent: A name for whoever it was.
        number: Of the attempt, from 1.
        results: The `results.json` beside it.

    Raises:
        BadTrajectory: it has not the form.
    """
    try:
        return _read(document, results or {}, Attempt(task=task, agent=agent, number=number))
    except MALFORMED as error:
        raise BadTrajectory(f"it has not the form of a .traj: {wrong_with(error)}.") from None


def _read(document: Document, results: Document, attempt: Attempt) -> Trajectory:
    info, ours = document.get("info") or {}, document.get("environment") == ENVIRONMENT
    protocol: Literal["strict", "mlgym"] = info.get("protocol") or "mlgym"
    scores = info.get("score") or results.get("agent") or []
    verdicts = Verdicts(scores, results.get("baseline") or {}, upstream=not ours, protocol=protocol)
    events = list(_events(document["trajectory"], verdicts, ours))
    events += verdicts.left(events[-1]["at"] + events[-1]["seconds"] if events else 0.0)
    attempt = attempt.model_copy(
        update={
            "task": info.get("task") or attempt.task,
            "state": "finished",
            "flavour": info["flavour"] if ours and "flavour" in info else "full",
            "protocol": protocol,
            "exit_status": info.get("exit_status") or "",
            "steps": len(document["trajectory"]),
            "seconds": sum(event["seconds"] for event in events),
            "usage": _usage(info.get("model_stats") or {}),
            "actions": actions(events),
            "measures": tuple(measures(events, steps=STEPS, began_at=0.0)),
        }
    )
    messages = [] if _silent(document) else list(_messages(document.get("history") or (), events))
    return Trajectory(attempt, events, messages, info.get("submission") or None)


def _events(steps: Sequence[Document], verdicts: Verdicts, ours: bool) -> Iterator[Event]:
    at = 0.0
    for number, step in enumerate(steps, 1):
        seconds = float(step.get("execution_time") or 0.0)
        kind, request = call_of(str(step["action"]), _state(step), ours=ours)
        shown = str(step.get("observation") or "")
        event: Event = {"kind": kind, "at": at, "seconds": seconds, "request": request, "reply": None, "error": None}
        if kind in VERDICTS:
            reply = verdicts.next(kind, shown, left=STEPS - number)
        elif kind == "edit":
            reply = {"path": request.get("path", ""), "content": None, "snippet": shown, "overwrote": None}
        else:
            folder = _state(step).get("working_dir", WORKSPACE)
            reply = {"result": {"head": shown, "tail": "", "omitted": 0, "cwd": folder, "running": False}}
        yield {**event, "reply": reply}
        at += seconds


def call_of(action: str, state: Document, *, ours: bool) -> Call:
    """Which of our tools an action calls, and with what."""
    word = action.strip().split(maxsplit=1)[0] if action.strip() else ""
    if action.strip() in VERDICTS:
        return action.strip(), {}
    if ours:
        found = CALL.fullmatch(action)
        return (found[1], json.loads(found[2])) if found else ("bash", {"command": action})
    if word in WINDOW:
        return "edit", {"command": action, ORIGINAL: dict(state)}
    if word in SEARCHES or word.startswith("exit_") or word == "skip":
        return "bash", {"command": action, ORIGINAL: dict(state)}
    return "bash", {"command": action}


def _state(step: Document) -> Document:
    state = step.get("state") or {}
    return state if isinstance(state, Mapping) else dict(json.loads(state))


def _silent(document: Document) -> bool:
    """Whether nothing is in it but actions, as where no conversation was known."""
    history = document.get("history") or ()
    said = [one for one in history if one["role"] != "user" or "action" in one]
    return all(one["role"] == "assistant" and one["content"] == one.get("action") for one in said)


def _messages(history: Sequence[Document], events: Sequence[Event]) -> Iterator[Message]:
    done, number, call = of_the_agent(events), 0, ""
    for one in history:
        content = one["content"] if isinstance(one["content"], str) else json.dumps(one["content"], ensure_ascii=False)
        if one.get("is_demo"):
            continue
        if one["role"] == "assistant" and one.get("action"):
            number, event = number + 1, next(done, None)
            call = f"call_{number}"
            calls = (ToolCall(id=call, name=event["kind"], arguments=arguments(event)),) if event else ()
            yield Message(role="assistant", content=one.get("thought") or "", tool_calls=calls)
        elif one["role"] == "user" and call:
            yield Message(role="tool", content=content, tool_call_id=call)
            call = ""
        else:
            yield Message(role=one["role"], content=content)


def _usage(stats: Document) -> Usage:
    cost = stats.get("task_cost", stats.get("instance_cost"))
    return Usage(
        requests=stats.get("api_calls") or 0,
        input_tokens=stats.get("tokens_sent") or 0,
        output_tokens=stats.get("tokens_received") or 0,
        cost=cost,
    )
