"""Scripted attempts: what an agent might do at a task, written down so that anybody can watch it."""

from collections.abc import Awaitable, Callable

from mlgym_clients.attempts import battle_of_the_sexes, fashion_mnist
from mlgym_clients.workbench import Grade, Workbench

Attempt = Callable[[Workbench], Awaitable[Grade]]

ATTEMPTS: dict[str, Attempt] = {
    "battle-of-the-sexes-v1": battle_of_the_sexes.attempt,
    "image-classification-fmnist-v1": fashion_mnist.attempt,
}
