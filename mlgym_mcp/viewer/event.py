"""Events as they are shown: what was asked, what came of it, and how that ended, in words."""

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from mlgym_mcp.sessions.record import BINARY
from mlgym_mcp.sessions.summary import figures
from mlgym_mcp.store import Event
from mlgym_mcp.viewer.block import Block, Cutting, Text
from mlgym_mcp.viewer.numbers import number as numeral
from mlgym_mcp.viewer.numbers import size

LEAF = 200
"""Events that are shown together."""
TITLE = 160
"""Characters of an event's title."""

UNREADABLE = (LookupError, TypeError, ValueError, AttributeError)
"""Raised at what another version, or nobody of us, has recorded."""

Tone: TypeAlias = Literal["good", "bad", "warn", "live", ""]
Values: TypeAlias = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ShownEvent:
    """One event. `at` in seconds since the epoch."""

    number: int
    """Among its session's, from 1."""
    kind: str
    title: str
    at: float
    seconds: float | None
    step: int | None
    """Steps used by then; None where that isn't known, or changed nothing."""
    ending: str
    """How it ended, in a word or two."""
    tone: Tone
    blocks: tuple[Block, ...]
    facts: tuple[tuple[str, str], ...] = ()

    @property
    def anchor(self) -> str:
        """By which links name it."""
        return f"e{self.number}"

    @property
    def place(self) -> str:
        """Where it always is, below its session's address."""
        return f"?page={-(-self.number // LEAF)}#{self.anchor}"

    @property
    def cut(self) -> bool:
        """Whether something of it is left out."""
        return any(one.left_out for one in self.blocks)


@dataclass(frozen=True, slots=True)
class Story:
    """What is told of one event, by its kind."""

    title: str
    blocks: tuple[Block, ...] = ()
    ending: str = ""
    tone: Tone = ""
    facts: tuple[tuple[str, str], ...] = ()


def show(event: Event, number: int, steps: int, hidden: Callable[[str], str], cut: Cutting) -> ShownEvent:
    """An event as it is shown.

    Args:
        event: As it is in the store.
        number: Which of its session's it is.
        steps: How many the session has.
        hidden: Takes what is secret out of a text.
        cut: How what is long is cut.
    """
    try:
        request = _read(event.request, hidden)
        reply = None if event.reply is None else _read(event.reply, hidden)
        story, step = _story(event.kind, request, reply, cut), _step(reply, steps)
    except UNREADABLE:
        story, step = Story("recorded in a way that can't be read"), None
    blocks, ending, tone = story.blocks, story.ending, story.tone
    if event.error is not None:
        blocks, ending, tone = (*blocks, cut.text("error", hidden(str(event.error)))), "failed", "bad"
    elif not event.finished:
        ending, tone = "going on", "live"
    return ShownEvent(
        number=number,
        kind=event.kind,
        title=story.title[:TITLE],
        at=event.at,
        seconds=event.seconds,
        step=step,
        ending=ending,
        tone=tone,
        blocks=blocks,
        facts=story.facts,
    )


def _story(kind: str, request: Any, reply: Any, cut: Cutting) -> Story:
    try:
        return TELLERS.get(kind, _other)(request, reply, cut)
    except UNREADABLE:  # as another version has recorded it
        return _other(request, reply, cut)


def _read(record: str, hidden: Callable[[str], str]) -> Any:
    """What was recorded as JSON: bytes as text, and without what is secret."""

    def walk(value: Any) -> Any:
        if isinstance(value, str):
            return hidden(value)
        if isinstance(value, dict):
            return {hidden(name): walk(item) for name, item in value.items()}
        return [walk(item) for item in value] if isinstance(value, list) else value

    return walk(json.loads(record, object_hook=_decoded))


def _decoded(found: dict[str, Any]) -> Any:
    if found.keys() == {BINARY}:
        return base64.b64decode(found[BINARY]).decode("utf-8", "backslashreplace")
    return found


def _bash(request: Values, reply: Values | None, cut: Cutting) -> Story:
    command = str(request.get("command", ""))
    first, _, rest = command.strip().partition("\n")
    asked = (cut.text("command", command),) if rest or len(first) > TITLE else ()
    facts = (("runs", "in the background"),) if request.get("background") else ()
    return _with_result(Story(first, asked, facts=facts), reply, cut)


def _job(request: Values, reply: Values | None, cut: Cutting) -> Story:
    action, data = request.get("action", ""), request.get("input")
    asked = (cut.text("input", str(data)),) if data else ()
    return _with_result(Story(f"{action} {request.get('job', '')}", asked), reply, cut)


def _with_result(story: Story, reply: Values | None, cut: Cutting) -> Story:
    if reply is None:
        return story
    result = reply["result"]
    left_out = f"\n[… {result['omitted']:,} bytes are in {result['output_path']} …]\n" if result["omitted"] else ""
    output = result["head"] + left_out + result["tail"]
    facts = [*story.facts]
    if result["running"]:
        ending, tone = f"runs on as {result['job']}", "live"
    elif result["exit_code"] == 0:
        ending, tone = "exit 0", "good"
    else:
        ending, tone = f"exit {result['exit_code']}", "bad"
    if result.get("stopped"):
        facts.append(("stopped", result["stopped"]))
    if result.get("shell_lost"):
        facts.append(("shell", "ended with the command"))
    said = cut.text("output", output) if output else Text("output", "(no output)")
    return Story(story.title, (*story.blocks, said), ending, tone, tuple(facts))  # type: ignore[arg-type]


def _edit(request: Values, reply: Values | None, cut: Cutting) -> Story:
    command, path = request.get("command", ""), request.get("path", "")
    blocks: list[Block] = []
    if command == "str_replace":
        blocks.append(cut.diff("change", request["old_str"] or "", request["new_str"] or ""))
    elif command == "insert":
        where = f"inserted after line {request['insert_line']}"
        blocks.append(cut.diff(where, "", request["new_str"] or ""))
    elif command == "create":
        over = (reply or {}).get("overwrote")
        blocks.append(cut.diff("overwritten" if over else "new file", "", request["file_text"] or ""))
    content = (reply or {}).get("content")
    if content is not None and content["kind"] in ("text", "folder"):
        blocks.append(cut.text("content", content["data"]))
    elif content is not None:
        blocks.append(Text("content", f"an image ({content['kind']})"))
    lines = request.get("view_range")
    title = f"{command} {path}" + (f", lines {lines[0]} to {lines[1]}" if lines else "")
    return Story(title, tuple(blocks), "" if reply is None else "done", "good" if reply is not None else "")


def _scoring(request: Values, reply: Values | None, cut: Cutting) -> Story:
    title = "asked by nobody: the session was over" if "automatic" in request else ""
    title = "collected" if "collected" in request else title
    if reply is None:
        return Story(title)
    score = reply.get("score") or {}
    facts = []
    if reply["outcome"] == "scored":
        told = figures(score["scores"], score["standard_error"], score["baseline"])
        reward = score.get("reward")
        facts = [("scores", line) for line in told] + ([] if reward is None else [("reward", f"{reward:+.4f}")])
        for name, value in (score.get("upstream_scores") or {}).items():
            facts.append(("on all of the original's examples", f"{name} {numeral(value)}"))
        return Story(title or ", ".join(told), (), "scored", "good", tuple(facts))
    blocks = (cut.text("fault", str(reply["fault"])),) if reply.get("fault") else ()
    tone: Tone = "bad" if reply["outcome"] == "submission_fault" else "warn"
    return Story(title, blocks, reply["outcome"].replace("_", " "), tone)


def _other(request: Values, reply: Values | None, cut: Cutting) -> Story:
    """Whatever has a text as its answer, and what we don't know."""
    given = {name: value for name, value in request.items() if value not in (None, [], {})}
    title = ", ".join(f"{name}: {value}" for name, value in given.items())
    blocks = []
    if len(title) > TITLE:
        blocks.append(cut.text("asked", json.dumps(given, indent=1, ensure_ascii=False)))
    if reply and "text" in reply:
        blocks.append(cut.text("answer", str(reply["text"])))
    facts = tuple((name, tell(reply[name])) for name, tell in FACTS.items() if reply and name in reply)
    return Story(title, tuple(blocks), "" if reply is None else "done", "good" if reply is not None else "", facts)


FACTS: dict[str, Callable[[Any], str]] = {"name": str, "size": size}
"""What is told of a checkpoint."""
TELLERS: dict[str, Callable[[Values, Values | None, Cutting], Story]] = {
    "bash": _bash,
    "job": _job,
    "edit": _edit,
    "validate": _scoring,
    "submit": _scoring,
}
"""Kind → what tells of it."""


def _step(reply: Values | None, steps: int) -> int | None:
    left = ((reply or {}).get("budget") or {}).get("steps")
    return None if left is None else steps - left
