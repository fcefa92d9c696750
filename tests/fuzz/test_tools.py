"""Every tool, resource, prompt and completion, asked for anything: a result or a sentence, and the next is served."""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from mcp import Client, MCPError
from mcp.types import PromptReference, ResourceTemplateReference

from mlgym_mcp.server import open_server
from tests.fakes import TASK, World
from tests.fuzz.stage import GROUPS, URIS, arguments, opened
from tests.fuzz.strategies import LEAKS, is_sentence, json_values, texts, words
from tests.tools.stage import facts_of, services_of, settings_of, text_of


class Caller:
    """A client with a session, for as long as one session takes; then with another."""

    def __init__(self, portal: Any, client: Client, folder: Path) -> None:
        self._portal = portal
        self._client = client
        self.folder = str(folder)
        self.schemas = {tool.name: tool.input_schema for tool in self.do("list_tools").tools}
        self.session = self.start()

    def do(self, method: str, *arguments: Any, **named: Any) -> Any:
        """Call one of the client's methods."""

        async def call() -> Any:
            return await getattr(self._client, method)(*arguments, **named)

        return self._portal.call(call)

    def start(self) -> str:
        """Start a session."""
        return str(facts_of(self.do("call_tool", "start", {"task": TASK}))["session"])

    def still_serves(self) -> None:
        """See that a good call is answered as ever."""
        result = self.do("call_tool", "status", {"session": self.session})
        assert not result.is_error, text_of(result)
        if facts_of(result)["state"] != "open":
            self.session = self.start()


@pytest.fixture(scope="module")
def caller() -> Iterator[Caller]:
    with tempfile.TemporaryDirectory() as place:
        world = World(Path(place))
        server = open_server(settings_of(world, tools=GROUPS, max_sessions=100_000), services_of(world))
        with opened(server) as (portal, opened_server):
            with portal.wrap_async_context_manager(Client(opened_server)) as client:
                yield Caller(portal, client, world.folder)


def see_answer(caller: Caller, result: Any) -> None:
    text = text_of(result)
    if result.is_error:
        first, refused, _ = text.partition("\n[refused")
        # What a sandbox refuses is said as programs do: `a can't be read: No such file or directory`.
        assert (refused or is_sentence(first)) and not LEAKS.search(text) and caller.folder not in text, text[:1000]
    elif (facts := result.structured_content) and facts.get("session", caller.session) != caller.session:
        caller.do("call_tool", "end", {"session": facts["session"]})


@given(st.data())
def test_a_tool_answers_whatever_its_arguments(caller: Caller, data: st.DataObject) -> None:
    tool = data.draw(st.sampled_from(sorted(caller.schemas)))
    names = list(caller.schemas[tool].get("properties", {}))
    given_ = data.draw(arguments(tool, names, [caller.session]))
    see_answer(caller, caller.do("call_tool", tool, given_))
    caller.still_serves()


@given(words, st.dictionaries(words, json_values, max_size=2))
def test_a_tool_that_there_is_not_is_refused(caller: Caller, tool: str, given_: dict[str, Any]) -> None:
    if tool not in caller.schemas:
        result = caller.do("call_tool", tool, given_)
        assert result.is_error
        see_answer(caller, result)


META = st.dictionaries(st.sampled_from(["mlgym-mcp/key", "mlgym-mcp/agent", "x"]), json_values | texts, max_size=3)


@given(META, st.sampled_from(["start", "bash", "status"]))
def test_marks_of_a_call_are_read_or_refused(caller: Caller, meta: dict[str, Any], tool: str) -> None:
    wanted = {"start": {"task": TASK, "wait_s": 0}, "bash": {"command": "true", "session": caller.session}}
    try:
        see_answer(caller, caller.do("call_tool", tool, wanted.get(tool, {"session": caller.session}), meta=meta))
    except MCPError as error:
        assert not LEAKS.search(str(error))
    caller.still_serves()


SOME_URIS = (
    st.sampled_from(URIS) | texts | st.builds("mlgym://{}/{}".format, st.sampled_from(["tasks", "sessions"]), texts)
)


@given(SOME_URIS)
@example(f"mlgym://tasks/{TASK}/files/starter/../../task.yaml")
@example("mlgym://tasks/\ud800")
def test_a_resource_is_read_or_refused(caller: Caller, uri: str) -> None:
    see_answer(caller, caller.do("call_tool", "read", {"uri": uri}))
    try:
        caller.do("read_resource", uri)
    except MCPError as error:
        assert is_sentence(error.error.message), error.error.message[:500]
        assert caller.folder not in str(error)
    except UnicodeEncodeError:
        assert not uri.isprintable()  # half of a character: this client sends none
    caller.still_serves()


@given(words | st.just("attempt"), st.none() | st.dictionaries(st.just("task") | words, texts | words, max_size=2))
def test_a_prompt_is_given_or_refused(caller: Caller, name: str, given_: dict[str, str] | None) -> None:
    try:
        caller.do("get_prompt", name, given_)
    except MCPError as error:
        assert is_sentence(error.error.message), error.error.message[:500]
    caller.still_serves()


@given(
    st.builds(ResourceTemplateReference, type=st.just("ref/resource"), uri=SOME_URIS)
    | st.builds(PromptReference, type=st.just("ref/prompt"), name=words),
    st.sampled_from(["id", "task", "path", "session", ""]),
    words,
    st.none() | st.dictionaries(st.sampled_from(["id", "task", "x"]), words, max_size=2),
)
def test_a_completion_is_a_list_whatever_is_begun(
    caller: Caller, reference: Any, name: str, value: str, context: dict[str, str] | None
) -> None:
    found = caller.do("complete", reference, {"name": name, "value": value}, context_arguments=context)
    assert all(one.startswith(value) for one in found.completion.values)
