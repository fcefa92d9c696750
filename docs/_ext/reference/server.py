"""What a server tells its clients that it has: asked of one."""

import inspect
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import anyio
from mcp import Client
from mcp.types import Prompt, Resource, ResourceTemplate, Tool

from mlgym_mcp.server import open_server
from mlgym_mcp.settings import Settings
from mlgym_mcp.tools.register import GROUPS
from reference.markdown import code, kind, sections, table


@dataclass(frozen=True)
class Told:
    """What a server lists."""

    resources: list[Resource]
    templates: list[ResourceTemplate]
    prompts: list[Prompt]
    tools: dict[str, Tool] = field(default_factory=dict)
    groups: dict[str, str] = field(default_factory=dict)
    """Of a tool that not every server has: which group it belongs to."""


def tools() -> str:
    """Every tool with its arguments, and below them what the structured answers are."""
    told = _told()
    answers = {part["title"]: part for tool in told.tools.values() for part in _answers(tool.output_schema)}
    return sections(
        [
            *(_tool(tool, told.groups.get(name)) for name, tool in told.tools.items()),
            "## Structured answers\n\nBeside the text that a model reads, for programs.",
            *(_answer(answers[name]) for name in sorted(answers)),
        ]
    )


def resources() -> str:
    """Every resource, but for those that there are of each task."""
    told = _told()
    listed: list[tuple[str, Resource | ResourceTemplate]] = [
        *((str(one.uri), one) for one in told.resources if not one.name.endswith("-v1")),
        *((one.uri_template, one) for one in told.templates),
    ]
    rows = [(code(address), one.mime_type or "", one.description or "") for address, one in listed]
    return table(("address", "type", "what it is"), rows)


def prompts() -> str:
    """Every prompt."""
    rows = [
        (code(one.name), ", ".join(code(argument.name) for argument in one.arguments or ()), one.description or "")
        for one in _told().prompts
    ]
    return table(("prompt", "arguments", "does"), rows)


def _tool(tool: Tool, group: str | None) -> str:
    answer = None if tool.output_schema is None else tool.output_schema["title"]
    return sections(
        [
            f"## {tool.name}",
            f"*Of the optional group `{group}`: `serve --tools {group}`.*" if group else "",
            inspect.cleandoc(tool.description or ""),
            _hints(tool),
            table(("argument", "value", "default", "meaning"), _arguments(tool.input_schema)),
            f"Answers in text, and as [{answer}](#{answer.lower()})." if answer else "Answers in text.",
        ]
    )


def _arguments(schema: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    for name, about in schema["properties"].items():
        default = about.get("default")
        shown = "needed" if name in schema.get("required", ()) else code(default) if default else ""
        yield code(name), kind(about), shown, about.get("description", "")


def _hints(tool: Tool) -> str:
    hints = tool.annotations
    assert hints is not None
    said = {
        "it only reads": hints.read_only_hint,
        "calling it again has no further effect": hints.idempotent_hint,
        "it reaches other hosts": hints.open_world_hint,
    }
    found = [words for words, true in said.items() if true]
    return f"Clients are told that {' and that '.join(found)}." if found else ""


def _answers(schema: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    return [] if schema is None else [dict(schema), *schema.get("$defs", {}).values()]


def _answer(schema: Mapping[str, Any]) -> str:
    rows = [(code(name), kind(one), one.get("description", "")) for name, one in schema["properties"].items()]
    about = inspect.cleandoc(schema.get("description", ""))
    return sections([f"### {schema['title']}", about, table(("field", "value", "meaning"), rows)])


@cache
def _told() -> Told:
    return anyio.run(_ask)


async def _ask() -> Told:
    with tempfile.TemporaryDirectory() as folder:
        told: Told | None = None
        for group in (None, *GROUPS):
            settings = Settings.model_validate({"data_dir": folder, "tools": group or ""})
            async with open_server(settings) as server, Client(server) as client:
                told = told or Told(
                    (await client.list_resources()).resources,
                    (await client.list_resource_templates()).resource_templates,
                    (await client.list_prompts()).prompts,
                )
                new = {tool.name: tool for tool in (await client.list_tools()).tools if tool.name not in told.tools}
                told.tools.update(new)
                told.groups.update(dict.fromkeys(new, group) if group else {})
    assert told is not None
    return told
