"""What training goes by."""

from __future__ import annotations

from typing import NamedTuple

ENVIRONMENT = "Breakout-MinAtar"
SEED = 42
RUNS = 5


class Config(NamedTuple):
    """Hyper-parameters of one training run."""

    steps: int = 10_000_000
    """Of all environments together."""
    environments: int = 64
    steps_an_update: int = 128
    minibatches: int = 8
    epochs: int = 4
    gamma: float = 0.999
    gae_lambda: float = 0.95
    rate_begin: float = 5e-4
    rate_end: float = 5e-4
    warm_up: float = 0.05
    """The share of training in which the learning rate goes from one to the other."""
    clip: float = 0.2
    entropy_weight: float = 0.01
    value_weight: float = 0.5
    max_gradient: float = 0.5


CONFIG = Config()
