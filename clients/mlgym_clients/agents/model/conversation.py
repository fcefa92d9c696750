"""A conversation with a model: what is sent again each time, and the record of it."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import anyio
from pydantic_ai.messages import (
    BinaryContent,
    ModelMessage,
    ModelRequest,
    ModelRequestPart,
    ModelResponse,
    SystemPromptPart,
    ToolReturnPart,
    UserPromptPart,
)

from mlgym_clients.agents.agent import Hears
from mlgym_clients.records.attempt import Usage
from mlgym_clients.records.message import Message, ToolCall


@dataclass
class Conversation:
    """Keeps all that was said, in full, and tells whoever hears it."""

    hears: Hears
    messages: list[ModelMessage] = field(default_factory=list)
    _began: float = field(default_factory=anyio.current_time)

    def open(self, system_prompt: str, first_message: str) -> None:
        """Tell the model what it is to do."""
        parts: list[ModelRequestPart] = [UserPromptPart(first_message)]
        if system_prompt:  # providers refuse an empty one
            self._hear(Message(role="system", content=system_prompt))
            parts.insert(0, SystemPromptPart(system_prompt))
        self._hear(Message(role="user", content=first_message))
        self._send(parts)

    def say(self, text: str) -> None:
        """Tell the model something."""
        self._hear(Message(role="user", content=text))
        self._send([UserPromptPart(text)])

    def answered(self, response: ModelResponse, usage: Usage) -> None:
        """Take down what the model said."""
        self._hear(
            Message(
                role="assistant",
                content=response.text or "",
                thinking=response.thinking or "",
                tool_calls=tuple(
                    ToolCall(id=call.tool_call_id, name=call.tool_name, arguments=call.args_as_dict())
                    for call in response.tool_calls
                ),
                usage=usage,
            )
        )
        if response.parts:  # providers refuse an empty message
            self.messages.append(response)

    def did(self, result: ToolReturnPart) -> None:
        """Tell the model what came of a call; the results of one turn go together."""
        self._hear(Message(role="tool", content=_text(result), tool_call_id=result.tool_call_id))
        last = self.messages[-1]
        if isinstance(last, ModelRequest):
            last.parts = [*last.parts, result]
        else:
            self._send([result])

    def _send(self, parts: Sequence[ModelRequestPart]) -> None:
        self.messages.append(ModelRequest(list(parts)))

    def _hear(self, message: Message) -> None:
        self.hears(message.model_copy(update={"at": round(anyio.current_time() - self._began, 3)}))


def _text(part: ToolReturnPart) -> str:
    blocks = part.content if isinstance(part.content, list) else [part.content]
    return "\n".join(
        f"({block.media_type}, {len(block.data):,} bytes)" if isinstance(block, BinaryContent) else str(block)
        for block in blocks
    )
