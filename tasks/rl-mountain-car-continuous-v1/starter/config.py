"""What training goes by."""

from __future__ import annotations

from typing import NamedTuple

ENVIRONMENT = "MountainCarContinuous-v0"
SEED = 42
RUNS = 5


class Config(NamedTuple):
    """Hyper-parameters of one training run."""

    steps: int = 20_000_000
    """Of all environments together."""
    environments: int = 256
    steps_an_update: int = 256
    minibatches: int = 8
    epochs: int = 4
    gamma: float = 0.99
    gae_lambda: float = 0.99
    rate_begin: float = 6e-4
    rate_end: float = 5e-4
    warm_up: float = 0.03
    """The share of training in which the learning rate goes from one to the other."""
    clip: float = 0.1
    entropy_weight: float = 0.1
    value_weight: float = 0.5
    max_gradient: float = 0.5


CONFIG = Config()
