"""The policy: an actor and a critic, and what the judge asks of them: `load`, then `act` again and again."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

HIDDEN = (256, 256, 256, 256)
LEAST_DEVIATION = 0.001
"""Of an action, so that no density becomes infinite."""

Params = dict[str, Any]
"""Weights and biases by name, such as `actor_w0`."""


def initial_params(key: Any, inputs: int, actions: int) -> Params:
    """Random parameters for observations of `inputs` numbers and actions of `actions` numbers."""
    params = {}
    for head, outputs in (("actor", 2 * actions), ("critic", 1)):
        sizes = (inputs, *HIDDEN, outputs)
        for layer, (rows, columns) in enumerate(zip(sizes, sizes[1:])):
            key, for_weights, for_biases = jax.random.split(key, 3)
            weights = jax.random.truncated_normal(for_weights, -2.0, 2.0, (rows, columns)) / rows**0.5
            params[f"{head}_w{layer}"] = weights
            params[f"{head}_b{layer}"] = jax.random.uniform(for_biases, (columns,), maxval=0.05)
    return params


def forward(params: Params, observations: Any) -> tuple[Any, Any]:
    """The actor's outputs [N, …] and the critic's values [N], for observations [N, …]."""
    flat = observations.reshape(len(observations), -1)
    return _perceptron(params, "actor", flat), _perceptron(params, "critic", flat)[:, 0]


def _perceptron(params: Params, head: str, inputs: Any) -> Any:
    for layer in range(len(HIDDEN)):
        inputs = jax.nn.relu(inputs @ params[f"{head}_w{layer}"] + params[f"{head}_b{layer}"])
    return inputs @ params[f"{head}_w{len(HIDDEN)}"] + params[f"{head}_b{len(HIDDEN)}"]


def _normal(outputs: Any) -> tuple[Any, Any]:
    """Mean and standard deviation [N, 1]."""
    means, raw = jnp.split(outputs, 2, axis=1)
    return means, jax.nn.softplus(raw) + LEAST_DEVIATION


def sample(key: Any, outputs: Any) -> Any:
    """One action float32 [N, 1], drawn from a normal distribution each."""
    means, deviations = _normal(outputs)
    return means + deviations * jax.random.normal(key, means.shape)


def log_probability(outputs: Any, actions: Any) -> Any:
    """Density of actions [N, 1], as logarithm [N]."""
    means, deviations = _normal(outputs)
    squares = ((actions - means) / deviations) ** 2
    return -(squares / 2 + jnp.log(deviations) + math.log(2 * math.pi) / 2).sum(axis=1)


def entropy(outputs: Any) -> Any:
    """Of the distributions over actions [N], in nats."""
    return (jnp.log(_normal(outputs)[1]) + math.log(2 * math.pi * math.e) / 2).sum(axis=1)


class Policy:
    """One checkpoint's policy. Whatever it remembers between steps it keeps in itself."""

    def __init__(self, params: Params, seed: int) -> None:
        self._params = params
        self._key = jax.random.PRNGKey(seed % 2**32)
        self._act = jax.jit(_act)

    def act(self, observations: np.ndarray, first: np.ndarray) -> np.ndarray:
        """Actions float32 [N, 1] for observations float32 [N, …]; `first` is true where an episode begins."""
        self._key, actions = self._act(self._params, self._key, observations)
        return np.asarray(actions)


def _act(params: Params, key: Any, observations: Any) -> tuple[Any, Any]:
    key, for_actions = jax.random.split(key)
    return key, sample(for_actions, forward(params, observations)[0])


def load(checkpoint: Path, seed: int) -> Policy:
    """The policy of one checkpoint; `seed` is for what it draws."""
    with np.load(checkpoint / "params.npz", allow_pickle=False) as stored:
        return Policy({name: jnp.asarray(stored[name]) for name in stored.files}, seed)


def save(checkpoint: Path, params: Params) -> None:
    """Write what `load` reads."""
    checkpoint.mkdir(parents=True, exist_ok=True)
    np.savez(checkpoint / "params.npz", **{name: np.asarray(value) for name, value in params.items()})
