"""Scripted attempts: what an agent might do at a task, written down so that anybody can watch it."""

from collections.abc import Awaitable, Callable

from mlgym_clients.attempts import battle_of_the_sexes, house_prices
from mlgym_clients.workbench import Grade, Workbench

Attempt = Callable[[Workbench], Awaitable[Grade]]

ATTEMPTS: dict[str, Attempt] = {
    "battle-of-the-sexes-v1": battle_of_the_sexes.attempt,
    "regression-house-price-v1": house_prices.attempt,
}
