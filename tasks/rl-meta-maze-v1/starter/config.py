"""What training goes by."""

from __future__ import annotations

from typing import NamedTuple

ENVIRONMENT = "MetaMaze-misc"
SEED = 42
RUNS = 5


class Config(NamedTuple):
    """Hyper-parameters of one training run."""

    steps: int = 10_000_000
    """Of all environments together."""
    environments: int = 64
    steps_an_update: int = 32
    minibatches: int = 4
    epochs: int = 4
    gamma: float = 0.99
    gae_lambda: float = 0.95
    rate_begin: float = 5e-4
    rate_end: float = 5e-4
    warm_up: float = 0.05
    """The share of training in which the learning rate goes from one to the other."""
    clip: float = 0.1
    entropy_weight: float = 0.05
    value_weight: float = 0.5
    max_gradient: float = 1.0


CONFIG = Config()
