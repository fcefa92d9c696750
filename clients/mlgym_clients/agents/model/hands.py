"""A session's tools in a model's hands, as they are: names, descriptions, schemas, and the text of their results.

pydantic-ai's own MCP toolset shows a model the structure of a result where there is one, and not its text.
"""

import base64
from dataclasses import dataclass, field

from mcp.types import CallToolResult, ContentBlock, ImageContent, TextContent
from pydantic_ai.messages import BinaryContent, ToolCallPart, ToolReturnPart
from pydantic_ai.tools import ToolDefinition

from mlgym_clients.agents.session import Session


@dataclass(frozen=True)
class Done:
    """What came of a call."""

    part: ToolReturnPart
    malformed: bool = False
    """Whether no tool could make anything of it."""


@dataclass
class Hands:
    """Makes a model's calls, well-formed or not: what is wrong with one is its answer."""

    session: Session
    _tools: dict[str, ToolDefinition] = field(default_factory=dict)

    async def tools(self) -> list[ToolDefinition]:
        """What the server offers."""
        self._tools = {
            tool.name: ToolDefinition(
                name=tool.name, description=tool.description, parameters_json_schema=tool.input_schema
            )
            for tool in await self.session.tools()
        }
        return list(self._tools.values())

    async def do(self, call: ToolCallPart) -> Done:
        """Make a call."""
        tool = self._tools.get(call.tool_name)
        if tool is None:
            return _refused(call, f"There is no tool {call.tool_name}; there are: {', '.join(self._tools)}.")
        try:
            arguments = call.args_as_dict(raise_if_invalid=True)
        except (ValueError, AssertionError):
            return _refused(call, "The arguments are no JSON object, so nothing was called.")
        result = await self.session.call(call.tool_name, **arguments)
        lacking = set(tool.parameters_json_schema.get("required", ())) - set(arguments)
        return Done(_answer(call, result), malformed=bool(lacking))


def _refused(call: ToolCallPart, why: str) -> Done:
    return Done(ToolReturnPart(call.tool_name, why, call.tool_call_id, outcome="failed"), malformed=True)


def _answer(call: ToolCallPart, result: CallToolResult) -> ToolReturnPart:
    blocks = [block for block in map(_block, result.content) if block]
    content = blocks[0] if len(blocks) == 1 else blocks
    return ToolReturnPart(
        call.tool_name, content, call.tool_call_id, outcome="failed" if result.is_error else "success"
    )


def _block(block: ContentBlock) -> str | BinaryContent:
    match block:
        case TextContent():
            return block.text
        case ImageContent():
            return BinaryContent(base64.b64decode(block.data), media_type=block.mime_type)
    return f"({block.type}: not shown)"
