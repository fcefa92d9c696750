"""What the conformance suite expects of a server, by these exact names, to see every part of the protocol at work."""

import json
from typing import Any

from mcp.server import MCPServer
from mcp.server.mcpserver import Context
from mcp.server.mcpserver.exceptions import ToolError
from mcp.server.mcpserver.prompts.base import UserMessage
from mcp.types import (
    AudioContent,
    CallToolResult,
    ContentBlock,
    EmbeddedResource,
    ImageContent,
    TextContent,
    TextResourceContents,
)

from tests.strangers.questions import add_questions, said

Request = Context[Any, Any]

PNG = b"\x89PNG\r\n\x1a\n"
IMAGE = ImageContent(data="iVBORw0KGgo=", mime_type="image/png")
AUDIO = AudioContent(data="UklGRgQAAABXQVZF", mime_type="audio/wav")


def add_fixtures(server: MCPServer[Any]) -> None:
    """Give a server everything that a required scenario of the suite uses."""
    _add_contents(server)
    _add_notifications(server)
    _add_resources(server)
    _add_prompts(server)
    add_questions(server)


def _add_contents(server: MCPServer[Any]) -> None:
    contents: dict[str, list[ContentBlock]] = {
        "test_simple_text": [TextContent(text="This is a simple text response for testing.")],
        "test_image_content": [IMAGE],
        "test_audio_content": [AUDIO],
        "test_embedded_resource": [_embedded("test://embedded-resource", "Embedded")],
        "test_multiple_content_types": [TextContent(text="Several:"), IMAGE, _embedded("test://mixed", "Embedded")],
    }
    for name, content in contents.items():
        server.add_tool(_giving(content), name=name, description="Gives a fixed content.", structured_output=False)

    @server.tool(structured_output=False)
    async def test_error_handling() -> CallToolResult:
        """Always fails."""
        raise ToolError("This tool intentionally returns an error for testing")


def _giving(content: list[ContentBlock]) -> Any:
    async def give() -> CallToolResult:
        return CallToolResult(content=content)

    return give


def _embedded(uri: str, text: str) -> EmbeddedResource:
    return EmbeddedResource(resource=TextResourceContents(uri=uri, mime_type="text/plain", text=text))


def _add_notifications(server: MCPServer[Any]) -> None:
    @server.tool(structured_output=False)
    async def test_tool_with_progress(context: Request) -> CallToolResult:
        """Reports three steps."""
        for step in (0, 50, 100):
            await context.report_progress(step, 100)
        return said("done")

    async def log(context: Request) -> CallToolResult:
        """Logs three messages."""
        for message in ("Tool execution started", "Tool processing data", "Tool execution completed"):
            await context.log("info", message)
        return said("done")

    for name in ("test_tool_with_logging", "test_logging_tool"):
        server.add_tool(log, name=name, structured_output=False)

    @server.tool(structured_output=False)
    async def test_trigger_tool_change(context: Request) -> CallToolResult:
        """Tells that the tools changed."""
        await context.notify_tools_changed()
        return said("told")

    @server.tool(structured_output=False)
    async def test_trigger_prompt_change(context: Request) -> CallToolResult:
        """Tells that the prompts changed."""
        await context.notify_prompts_changed()
        return said("told")


def _add_resources(server: MCPServer[Any]) -> None:
    @server.resource("test://static-text", mime_type="text/plain")
    async def static_text() -> str:
        """A text."""
        return "This is the content of the static text resource."

    @server.resource("test://static-binary", mime_type="image/png")
    async def static_binary() -> bytes:
        """An image."""
        return PNG

    @server.resource("test://watched-resource", mime_type="text/plain")
    async def watched() -> str:
        """What is subscribed to."""
        return "watched"

    @server.resource("test://template/{id}/data", mime_type="application/json")
    async def data(id: str) -> str:  # noqa: A002 - the suite's word
        """Says which it is."""
        return json.dumps({"id": id, "templateTest": True, "data": f"Data for ID: {id}"})


def _add_prompts(server: MCPServer[Any]) -> None:
    @server.prompt()
    async def test_simple_prompt() -> str:
        """A fixed text."""
        return "This is a simple prompt for testing."

    @server.prompt()
    async def test_prompt_with_arguments(arg1: str, arg2: str) -> str:
        """Quotes its arguments."""
        return f"Prompt with arguments: arg1='{arg1}', arg2='{arg2}'"

    @server.prompt()
    async def test_prompt_with_embedded_resource(resourceUri: str) -> list[UserMessage]:  # noqa: N803 - the suite's word
        """A resource, and what to do with it."""
        return [UserMessage(_embedded(resourceUri, "Embedded")), UserMessage("Please process the resource above.")]

    @server.prompt()
    async def test_prompt_with_image() -> list[UserMessage]:
        """An image, and what to do with it."""
        return [UserMessage(IMAGE), UserMessage("Please analyze the image above.")]
