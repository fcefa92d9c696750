"""A trajectory turn by turn: what an agent said, and what it did with that, seen together."""

import json
from collections import defaultdict, deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from mlgym_clients.records.attempt import Usage
from mlgym_clients.records.folder import Event
from mlgym_clients.records.message import Message, ToolCall
from mlgym_clients.trajectories.event import action, arguments, observation, of_the_agent, text
from mlgym_clients.trajectories.trajectory import Trajectory


@dataclass(frozen=True)
class Action:
    """A call of a tool. One that the server refused, or that did nothing in the session, has no event."""

    id: str
    tool: str
    arguments: dict[str, Any]
    observation: str
    event: Event | None = None

    @property
    def text(self) -> str:
        """The action in the words of MLGym's format."""
        if self.event is not None:
            return action(self.event)
        given = json.dumps(self.arguments, ensure_ascii=False)
        return f"{self.tool} {given}" if self.arguments else self.tool


@dataclass(frozen=True)
class Turn:
    """What somebody said at once. Actions are the agent's alone."""

    role: str
    said: str = ""
    thought: str = ""
    at: float = 0.0
    """Seconds since the attempt began."""
    usage: Usage | None = None
    actions: Sequence[Action] = ()


def turns(trajectory: Trajectory) -> list[Turn]:
    """All turns in order. Where nothing was said, each event is a turn of its own."""
    events = list(of_the_agent(trajectory.events))
    began = trajectory.attempt.began_at
    if not trajectory.messages:
        return [_silent(number, event, began) for number, event in enumerate(events, 1)]
    return list(_spoken(trajectory.messages, events, began))


def _silent(number: int, event: Event, began: float) -> Turn:
    done = Action(f"event_{number}", event["kind"], arguments(event), observation(event), event)
    return Turn("assistant", at=max(0.0, event["at"] - began), actions=(done,))


def _spoken(messages: Sequence[Message], events: Sequence[Event], began: float) -> Iterator[Turn]:
    answers = {message.tool_call_id: message.content for message in messages if message.role == "tool"}
    waiting, told = _by_call(events), 0
    for message in messages:
        if message.role == "tool":
            continue
        done = []
        for call in message.tool_calls:
            number = _next(waiting, call, told)
            if number is not None:
                # What the agent did besides, such as a program's own calls, comes before what it did later.
                yield from (_silent(between + 1, events[between], began) for between in range(told, number))
                told = number + 1
            event = None if number is None else events[number]
            seen = answers.get(call.id, "" if event is None else observation(event))
            done.append(Action(call.id, call.name, call.arguments, seen, event))
        yield Turn(message.role, message.content, message.thinking, message.at, message.usage, tuple(done))
    yield from (_silent(left + 1, events[left], began) for left in range(told, len(events)))


Waiting = dict[tuple[str, str], deque[int]]


def _by_call(events: Sequence[Event]) -> Waiting:
    found: Waiting = defaultdict(deque)
    for number, event in enumerate(events):
        found[_mark(event["kind"], event["request"])].append(number)
    return found


def _next(waiting: Waiting, call: ToolCall, told: int) -> int | None:
    """The number of the first event that a call can have made and that is not told yet."""
    numbers = waiting.get(_mark(call.name, call.arguments), deque())
    while numbers:
        number = numbers.popleft()
        if number >= told:
            return number
    return None


def _mark(tool: str, given: dict[str, Any]) -> tuple[str, str]:
    """What a call and its event have in common; defaults may be in one alone."""
    for name in ("command", "job"):
        if name in given:
            return tool, str(text(given[name])) + str(given.get("path", ""))
    return tool, ""
