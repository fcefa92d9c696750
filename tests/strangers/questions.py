"""What the conformance suite expects of a server that asks its clients: tools and a prompt of these exact names."""

from typing import Any

from mcp.server import MCPServer
from mcp.server.mcpserver import Context
from mcp.shared.exceptions import MCPError
from mcp.types import (
    MISSING_REQUIRED_CLIENT_CAPABILITY,
    CallToolResult,
    ClientCapabilities,
    CreateMessageRequest,
    CreateMessageRequestParams,
    ElicitRequest,
    ElicitRequestFormParams,
    InputRequest,
    InputRequiredResult,
    ListRootsRequest,
    SamplingCapability,
    SamplingMessage,
    TextContent,
)

Request = Context[Any, Any]

TITLED = [{"const": "value1", "title": "First"}, {"const": "value2", "title": "Second"}]
OPTIONS = ["option1", "option2", "option3"]
ENUMS = {
    "untitledSingle": {"type": "string", "enum": OPTIONS},
    "titledSingle": {"type": "string", "oneOf": TITLED},
    "legacyEnum": {"type": "string", "enum": ["opt1", "opt2"], "enumNames": ["First", "Second"]},
    "untitledMulti": {"type": "array", "items": {"type": "string", "enum": OPTIONS}},
    "titledMulti": {"type": "array", "items": {"anyOf": TITLED}},
}
DEFAULTS = {
    "name": {"type": "string", "default": "John Doe"},
    "age": {"type": "integer", "default": 30},
    "score": {"type": "number", "default": 95.5},
    "status": {"type": "string", "enum": ["active", "inactive", "pending"], "default": "active"},
    "verified": {"type": "boolean", "default": True},
}


def add_questions(server: MCPServer[Any]) -> None:
    """Give a server all that asks."""
    _add_requests(server)
    _add_rounds(server)
    _add_states(server)
    _add_capabilities(server)


def _add_requests(server: MCPServer[Any]) -> None:
    """The revisions with a handshake: the server sends a request while it serves one."""

    @server.tool(structured_output=False)
    async def test_sampling(prompt: str, context: Request) -> CallToolResult:
        """Has the client's model answer."""
        params = _sampled(prompt, most=100).params
        sampled = await context.session.create_message(
            params.messages, max_tokens=params.max_tokens, related_request_id=context.request_id
        )
        return said(f"LLM response: {sampled.content}")

    @server.tool(structured_output=False)
    async def test_elicitation(message: str, context: Request) -> CallToolResult:
        """Asks for a name and an address."""
        return await _elicited(context, message, {"username": {"type": "string"}, "email": {"type": "string"}})

    @server.tool(structured_output=False)
    async def test_elicitation_sep1034_defaults(context: Request) -> CallToolResult:
        """Asks with a default of every type."""
        return await _elicited(context, "Defaults", DEFAULTS)

    @server.tool(structured_output=False)
    async def test_elicitation_sep1330_enums(context: Request) -> CallToolResult:
        """Asks to choose, in every form."""
        return await _elicited(context, "Enums", ENUMS)


def _add_rounds(server: MCPServer[Any]) -> None:
    """The newest revision: a result says what is missing, and the request is repeated with it."""

    async def ask_for_name(context: Request) -> CallToolResult | InputRequiredResult:
        """Asks for a name, and greets."""
        questions: dict[str, InputRequest] = {"user_name": form("Name?", "name")}
        return lacking(context, questions) or said(f"Hello, {answer(context, 'user_name')}!")

    for name in ("test_input_required_result_elicitation", "test_streaming_elicitation"):
        server.add_tool(ask_for_name, name=name, structured_output=False)

    @server.tool(structured_output=False)
    async def test_input_required_result_sampling(context: Request) -> CallToolResult | InputRequiredResult:
        """Has the client's model answer."""
        questions: dict[str, InputRequest] = {"capital_question": _sampled("The capital of France?", most=100)}
        return lacking(context, questions) or said(str(answer(context, "capital_question")))

    @server.tool(structured_output=False)
    async def test_input_required_result_list_roots(context: Request) -> CallToolResult | InputRequiredResult:
        """Asks for the client's folders."""
        return lacking(context, {"client_roots": ListRootsRequest()}) or said(str(answer(context, "client_roots")))

    @server.prompt()
    async def test_input_required_result_prompt(context: Request) -> str | InputRequiredResult:
        """A prompt that asks first."""
        questions: dict[str, InputRequest] = {"user_context": form("Context?", "context")}
        return lacking(context, questions) or f"Consider {answer(context, 'user_context')}."


def _add_states(server: MCPServer[Any]) -> None:
    """Questions with a state that the client carries from one round to the next."""

    async def confirm(context: Request) -> CallToolResult | InputRequiredResult:
        """Asks for a confirmation, and remembers that it asked."""
        asking = lacking(context, {"confirm": form("Sure?", "ok", "boolean")}, state="asked")
        return asking or said("state-ok" if context.request_state == "asked" else "the state is lost")

    for name in ("test_input_required_result_request_state", "test_input_required_result_tampered_state"):
        server.add_tool(confirm, name=name, structured_output=False)

    @server.tool(structured_output=False)
    async def test_input_required_result_multiple_inputs(context: Request) -> CallToolResult | InputRequiredResult:
        """Asks for three things at once."""
        questions: dict[str, InputRequest] = {
            "user_name": form("Name?", "name"),
            "greeting": _sampled("A greeting", most=50),
            "client_roots": ListRootsRequest(),
        }
        return lacking(context, questions, state="asked") or said("thank you")

    @server.tool(structured_output=False)
    async def test_input_required_result_multi_round(context: Request) -> CallToolResult | InputRequiredResult:
        """Asks for a name, then for a colour."""
        if context.request_state is None:
            return InputRequiredResult(input_requests={"step1": form("Name?", "name")}, request_state="named")
        if context.request_state == "named":
            return InputRequiredResult(input_requests={"step2": form("Colour?", "color")}, request_state="coloured")
        return said("thank you")


def _add_capabilities(server: MCPServer[Any]) -> None:
    """Nothing is asked that the client did not say it can answer."""

    @server.tool(structured_output=False)
    async def test_input_required_result_capabilities(context: Request) -> CallToolResult | InputRequiredResult:
        """Asks what this client can answer."""
        able = context.client_capabilities or ClientCapabilities()
        questions: dict[str, InputRequest] = {}
        if able.sampling is not None:
            questions["sampled"] = _sampled("Anything", most=10)
        if able.elicitation is not None:
            questions["asked"] = form("Anything?", "thing")
        return lacking(context, questions) or said("nothing to ask")

    @server.tool(structured_output=False)
    async def test_missing_capability(context: Request) -> CallToolResult:
        """Needs a client with a model."""
        if not context.session.check_client_capability(ClientCapabilities(sampling=SamplingCapability())):
            needed: dict[str, Any] = {"requiredCapabilities": {"sampling": {}}}
            raise MCPError(MISSING_REQUIRED_CLIENT_CAPABILITY, "This needs a client that can sample.", needed)
        return said("it can")


def said(text: str) -> CallToolResult:
    """A result of one text."""
    return CallToolResult(content=[TextContent(text=text)])


async def _elicited(context: Request, message: str, fields: dict[str, Any]) -> CallToolResult:
    schema = {"type": "object", "properties": fields, "required": list(fields)}
    elicited = await context.session.elicit_form(message, schema, related_request_id=context.request_id)
    return said(f"action={elicited.action}, content={elicited.content}")


def lacking(
    context: Request, questions: dict[str, InputRequest], state: str | None = None
) -> InputRequiredResult | None:
    """What asks for the answers that are not there yet."""
    if questions.keys() <= (context.input_responses or {}).keys():
        return None
    return InputRequiredResult(input_requests=questions, request_state=state)


def answer(context: Request, question: str) -> object:
    """The answer to a question."""
    return (context.input_responses or {})[question]


def form(message: str, field: str, kind: str = "string") -> ElicitRequest:
    """A question for one field."""
    schema = {"type": "object", "properties": {field: {"type": kind}}, "required": [field]}
    return ElicitRequest(params=ElicitRequestFormParams(message=message, requested_schema=schema))


def _sampled(prompt: str, *, most: int) -> CreateMessageRequest:
    message = SamplingMessage(role="user", content=TextContent(text=prompt))
    return CreateMessageRequest(params=CreateMessageRequestParams(messages=[message], max_tokens=most))
