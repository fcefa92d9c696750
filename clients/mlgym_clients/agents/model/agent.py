"""An agent that asks a model what to do, does it, and shows it what came of it."""

from dataclasses import dataclass

from pydantic_ai.direct import model_request
from pydantic_ai.exceptions import AgentRunError, ModelContextWindowExceededError
from pydantic_ai.messages import ModelResponse, ToolCallPart
from pydantic_ai.models import Model, ModelRequestParameters

from mlgym_clients.agents.agent import BadOptions, Ending, Seat
from mlgym_clients.agents.model import history, prompts
from mlgym_clients.agents.model.accounts import usage_of
from mlgym_clients.agents.model.conversation import Conversation
from mlgym_clients.agents.model.hands import Done, Hands
from mlgym_clients.agents.model.options import ModelOptions
from mlgym_clients.agents.model.provider import settings_of
from mlgym_clients.agents.session import Session, Standing

LONGEST_DETAIL = 500
"""Characters of a provider's error that are kept."""


@dataclass(frozen=True)
class ModelAgent:
    """Serves any number of attempts, each a conversation of its own."""

    options: ModelOptions
    model: Model

    async def attempt(self, seat: Seat) -> Ending:
        """Go on until the session is over, or the model has nothing more to do."""
        try:
            async with self.model:
                return await _Play(self.options, self.model, seat).run()
        except ModelContextWindowExceededError as error:
            return Ending("exit_context", _detail(error))
        except AgentRunError as error:
            return Ending("exit_api", _detail(error))


class _Play:
    """One attempt."""

    def __init__(self, options: ModelOptions, model: Model, seat: Seat) -> None:
        self._options = options
        self._model = model
        self._seat = seat
        self._session = Session(seat.client)
        self._hands = Hands(self._session)
        self._talk = Conversation(seat.hears)
        self._settings = settings_of(options)
        self._nudges = options.nudges
        self._malformed = 0

    async def run(self) -> Ending:
        """Ask and do in turn."""
        tools = ModelRequestParameters(function_tools=await self._hands.tools())
        standing = await self._session.standing()
        self._talk.open(
            self._prompt(self._options.system_prompt, standing), self._prompt(self._options.first_message, standing)
        )
        while standing.live:
            response = await self._ask(tools)
            # In the order in which the model wrote them: each may rest on the one before.
            done = [await self._do(call) for call in response.tool_calls]
            standing = await self._session.standing()
            if (ending := self._go_on(done, standing)) is not None:
                return ending
        return Ending()

    async def _ask(self, tools: ModelRequestParameters) -> ModelResponse:
        options = self._options
        sent = history.shown(self._talk.messages, keep=options.history, batch=options.history_batch)
        response = await model_request(self._model, sent, model_settings=self._settings, model_request_parameters=tools)
        usage = usage_of(response, options.prices)
        self._talk.answered(response, usage)
        self._seat.meter.add(usage)
        if usage.cost is None and self._seat.meter.limits.cost is not None:
            raise BadOptions(
                f"nobody knows the price of {options.model}, so no limit of cost can be kept: give the option 'prices'."
            )
        return response

    async def _do(self, call: ToolCallPart) -> Done:
        done = await self._hands.do(call)
        self._talk.did(done.part)
        return done

    def _go_on(self, done: list[Done], standing: Standing) -> Ending | None:
        """An ending where the model can't go on after what it did."""
        if not done:
            return self._nudge(standing)
        self._malformed = self._malformed + 1 if all(one.malformed for one in done) else 0
        if self._malformed == self._options.format_errors:
            return Ending("exit_format", f"{self._malformed} turns in a row had no call that could be made")
        return None

    def _nudge(self, standing: Standing) -> Ending | None:
        if not self._nudges:
            return Ending("done", "the model called no tool any more")
        self._nudges -= 1
        self._talk.say(self._prompt(self._options.nudge, standing))
        return None

    def _prompt(self, template: str, standing: Standing) -> str:
        seat, limits = self._seat, self._seat.meter.limits
        budget = [standing.budget]
        if limits.tokens is not None:
            budget.append(f"{max(0, limits.tokens - seat.meter.usage.tokens):,} tokens")
        if limits.cost is not None:
            budget.append(f"{max(0.0, limits.cost - (seat.meter.usage.cost or 0.0)):.2f} US dollars")
        return prompts.filled(
            template,
            task=seat.task.id,
            title=seat.task.title,
            metric=seat.task.metric,
            goal=seat.task.goal,
            brief=seat.brief,
            budget=", ".join(budget),
        )


def _detail(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:LONGEST_DETAIL]
