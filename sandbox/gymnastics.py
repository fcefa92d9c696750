"""Environments of gymnax in the judge, many of one kind stepped at once. Only the jax profile can import this."""

from __future__ import annotations

from typing import Any

import gymnax
import jax
import jax.numpy as jnp
import numpy as np


class GymnaxGames:
    """Environments with gymnax's default parameters; see `policies.Games`.

    An episode that is over is not begun anew: its environment steps on, and what comes of that does not count.
    """

    def __init__(self, name: str, *, binary: bool = False) -> None:
        """`binary` says that observations are only 0 and 1, so that they can travel as bool."""
        environment, parameters = gymnax.make(name)
        self._dtype = jnp.bool_ if binary else jnp.float32

        def reset(key: Any) -> tuple[Any, Any]:
            observation, state = environment.reset_env(key, parameters)
            return observation.astype(self._dtype), state

        def step(key: Any, frame: Any, state: Any, action: Any) -> tuple[Any, Any, Any, Any]:
            # Frame 0 is the reset's.
            drawn = jax.random.fold_in(key, frame)
            observation, after, reward, done, _ = environment.step_env(drawn, state, action, parameters)
            return observation.astype(self._dtype), after, reward, done

        self._reset = jax.jit(jax.vmap(reset))
        self._step = jax.jit(jax.vmap(step, in_axes=(0, None, 0, 0)))
        self._keys: Any = None
        self._state: Any = None
        self._frame = 0

    def reset(self, seed: int, *, seeds: int, environments: int) -> Any:
        """Start anew; the same seed starts the same episodes."""
        root = jnp.array([seed >> 32 & 0xFFFFFFFF, seed & 0xFFFFFFFF], jnp.uint32)
        split = jax.vmap(lambda index: jax.random.split(jax.random.fold_in(root, index), environments))
        self._keys = split(jnp.arange(seeds)).reshape(seeds * environments, -1)
        self._frame = 0
        observations, self._state = self._reset(jax.vmap(jax.random.fold_in, in_axes=(0, None))(self._keys, 0))
        return np.asarray(observations)

    def step(self, actions: Any) -> tuple[Any, Any, Any]:
        """Observations, rewards, and which episodes are over."""
        self._frame += 1
        observations, self._state, rewards, done = self._step(self._keys, self._frame, self._state, actions)
        return np.asarray(observations), np.asarray(rewards, np.float64), np.asarray(done)
