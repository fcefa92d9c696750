"""What a request used, and what it cost."""

from pydantic_ai.messages import ModelResponse

from mlgym_clients.agents.model.options import Prices
from mlgym_clients.records.attempt import Usage

MILLION = 1_000_000


def usage_of(response: ModelResponse, prices: Prices | None) -> Usage:
    """What one request used. Its cost is None where no prices are given and the provider's are not known."""
    used = response.usage
    return Usage(
        requests=1,
        input_tokens=used.input_tokens,
        cached_tokens=used.cache_read_tokens,
        output_tokens=used.output_tokens,
        cost=_listed_cost(response) if prices is None else _cost(response, prices),
    )


def _cost(response: ModelResponse, prices: Prices) -> float:
    used = response.usage
    cached = prices.input if prices.cached is None else prices.cached
    fresh = used.input_tokens - used.cache_read_tokens
    total = fresh * prices.input + used.cache_read_tokens * cached + used.output_tokens * prices.output
    return total / MILLION


def _listed_cost(response: ModelResponse) -> float | None:
    if response.usage.cost is not None:
        return float(response.usage.cost)
    try:
        return float(response.cost().total_price)
    except (AssertionError, LookupError, ValueError):
        return None
