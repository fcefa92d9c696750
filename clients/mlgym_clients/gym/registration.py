"""The names by which Gymnasium makes environments."""

from typing import Any

import gymnasium

TASKS = (
    "3-sat-v1",
    "battle-of-the-sexes-v1",
    "blotto-v1",
    "image-captioning-coco-v1",
    "image-classification-cifar10-v1",
    "image-classification-cifar10-without-baseline-v1",
    "image-classification-fmnist-v1",
    "language-modeling-fineweb-v1",
    "natural-language-inference-mnli-v1",
    "prisoners-dilemma-v1",
    "regression-house-price-v1",
    "regression-house-price-without-baseline-v1",
    "rl-breakout-minatar-v1",
    "rl-meta-maze-v1",
    "rl-mountain-car-continuous-v1",
)
"""The shipped ones. Written down, for an import should neither start a server nor ask a program; a test compares."""


def register(*tasks: str, **options: Any) -> None:
    """Let `gymnasium.make` and `make_vec` know tasks as `mlgym/<task id>`; a name that is known already is renewed.

    Args:
        tasks: Their ids; whether there are such tasks is found out with the first reset.
        options: What environments made by these names have unless `make` says otherwise: see `Setup`.
    """
    for task in tasks:
        name = f"mlgym/{task}"
        gymnasium.registry.pop(name, None)
        gymnasium.register(
            name,
            entry_point="mlgym_clients.gym:MLGymEnv",
            vector_entry_point="mlgym_clients.gym:MLGymVectorEnv",
            nondeterministic=True,
            kwargs={"task": task, **options},
        )
