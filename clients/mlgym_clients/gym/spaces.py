"""What can be seen and done, as Gymnasium's spaces."""

import json
import re
from dataclasses import dataclass, field
from typing import Any, Literal

from gymnasium.spaces import Dict, Discrete, Space, Text

LONGEST_SEEN = 20_000
"""Characters of an observation; the server cuts a command's output at 16,000."""
NOTE = 100
"""Characters kept free for the note about what was left out."""
LONGEST_DONE = 65_536
"""Characters of a command, or of a tool call's arguments."""
CHARACTERS = "\t\n–—‘’“”…−≤≥→" + "".join(map(chr, (*range(32, 127), *range(161, 173), *range(174, 256))))
"""Those that observations are made of; others are shown as Python's escapes. What an action has is not looked at."""
TOOLS = ("bash", "edit", "job", "validate", "submit")
WORDS = ("validate", "submit")
"""Actions as text that are no commands."""
_OTHERS = re.compile(f"[^{re.escape(CHARACTERS)}]")


class BadAction(Exception):
    """Raised for an action that is no tool call; says what one is."""


@dataclass(frozen=True)
class Call:
    """A tool call."""

    tool: str
    arguments: dict[str, Any] = field(default_factory=dict)


def observations() -> Text:
    """The space of observations."""
    return Text(LONGEST_SEEN, min_length=0, charset=CHARACTERS)


def actions(kind: Literal["text", "tool"]) -> Space[Any]:
    """The space of actions."""
    text = Text(LONGEST_DONE, charset=CHARACTERS)
    return text if kind == "text" else Dict({"tool": Discrete(len(TOOLS)), "arguments": text})


def tool_call(tool: str, **arguments: Any) -> dict[str, Any]:
    """An action of the space `tool`: `tool_call("bash", command="ls")`.

    Raises:
        BadAction: there is no such tool.
    """
    if tool not in TOOLS:
        raise BadAction(f"there is no tool {tool!r}; there are: {', '.join(TOOLS)}.")
    return {"tool": TOOLS.index(tool), "arguments": json.dumps(arguments)}


def called(action: Any) -> Call:
    """The tool call that an action means.

    Raises:
        BadAction: it means none.
    """
    if isinstance(action, str):
        word = action.strip()
        return Call(word) if word in WORDS else Call("bash", {"command": action})
    try:
        arguments = json.loads(action["arguments"])
    except ValueError as error:
        raise BadAction(f"`arguments` is not JSON: {error}.") from None
    if not isinstance(arguments, dict):
        raise BadAction('`arguments` is a JSON object, such as {"command": "ls"}.')
    return Call(TOOLS[int(action["tool"])], arguments)


def seen(text: str) -> str:
    """A text as an observation: the characters of the space, and no more than it allows, cut in the middle."""
    text = _OTHERS.sub(lambda found: ascii(found[0])[1:-1], text)
    if len(text) <= LONGEST_SEEN:
        return text
    kept = (LONGEST_SEEN - NOTE) // 2
    return f"{text[:kept]}\n[… {len(text) - 2 * kept:,} characters left out …]\n{text[-kept:]}"
