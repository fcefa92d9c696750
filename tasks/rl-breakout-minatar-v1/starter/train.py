"""Proximal policy optimisation with all environments on one device: `python train.py` writes checkpoints/0 to 4."""

from __future__ import annotations

import argparse
import functools
import sys
import time
from pathlib import Path
from typing import Any, NamedTuple

import gymnax
import jax
import jax.numpy as jnp
import optax
from config import CONFIG, ENVIRONMENT, RUNS, SEED, Config
from policy import Params, entropy, forward, initial_params, log_probability, sample, save


class Step(NamedTuple):
    """What is learned from: one step of all environments, or many."""

    observations: Any
    actions: Any
    log_probabilities: Any
    values: Any
    rewards: Any
    done: Any


class Learner(NamedTuple):
    """What one update leaves for the next."""

    params: Params
    optimiser: Any
    environments: Any
    observations: Any
    key: Any


class Training:
    """One configuration's updates, compiled once for all runs."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._environment, self._parameters = gymnax.make(ENVIRONMENT)
        updates = config.steps // (config.environments * config.steps_an_update)
        minibatch_updates = updates * config.epochs * config.minibatches
        rate = optax.linear_schedule(config.rate_begin, config.rate_end, int(config.warm_up * minibatch_updates) or 1)
        self._optimiser = optax.chain(optax.clip_by_global_norm(config.max_gradient), optax.adam(rate, eps=1e-5))
        self._updates = updates
        self._begin = jax.jit(self._begun)
        self._update = jax.jit(self._updated)

    def run(self, key: Any, *, name: str) -> Params:
        """Train once from scratch and tell now and then how the rewards go."""
        learner: Learner = self._begin(key)
        began = time.monotonic()
        rewards = []
        for update in range(1, self._updates + 1):
            learner, reward = self._update(learner)
            rewards.append(reward)
            if update * 10 // self._updates > (update - 1) * 10 // self._updates:
                steps = update * self._config.environments * self._config.steps_an_update
                mean = sum(map(float, rewards)) / len(rewards)
                seconds = time.monotonic() - began
                sys.stderr.write(f"{name}: {steps} steps, {seconds:.0f} s, reward a step {mean:.4f}\n")
                rewards = []
        return learner.params

    def _begun(self, key: Any) -> Learner:
        key, for_params, for_environments = jax.random.split(key, 3)
        reset = jax.vmap(self._environment.reset, in_axes=(0, None))
        keys = jax.random.split(for_environments, self._config.environments)
        observations, environments = reset(keys, self._parameters)
        # Of the types that an update leaves, or the second one would be compiled anew.
        environments = jax.tree.map(lambda values: jax.lax.convert_element_type(values, values.dtype), environments)
        params = initial_params(for_params, observations[0].size, self._environment.num_actions)
        return Learner(params, self._optimiser.init(params), environments, observations, key)

    def _updated(self, learner: Learner) -> tuple[Learner, Any]:
        learner, steps = jax.lax.scan(self._step, learner, None, self._config.steps_an_update)
        _, last_values = forward(learner.params, learner.observations)
        advantages = self._advantages(steps, last_values)
        batch = jax.tree.map(_flat, (steps, advantages, advantages + steps.values))
        learn = functools.partial(self._epoch, batch)
        learner, _ = jax.lax.scan(learn, learner, None, self._config.epochs)
        return learner, steps.rewards.mean()

    def _step(self, learner: Learner, _: None) -> tuple[Learner, Step]:
        key, for_actions, for_environments = jax.random.split(learner.key, 3)
        outputs, values = forward(learner.params, learner.observations)
        actions = sample(for_actions, outputs)
        step = jax.vmap(self._environment.step, in_axes=(0, 0, 0, None))
        keys = jax.random.split(for_environments, self._config.environments)
        observations, environments, rewards, done, _info = step(keys, learner.environments, actions, self._parameters)
        made = Step(learner.observations, actions, log_probability(outputs, actions), values, rewards, done)
        return learner._replace(environments=environments, observations=observations, key=key), made

    def _advantages(self, steps: Step, last_values: Any) -> Any:
        """Generalised advantage estimates, from the last step to the first."""
        gamma, weight = self._config.gamma, self._config.gae_lambda

        def back(carried: tuple[Any, Any], step: Step) -> tuple[tuple[Any, Any], Any]:
            advantage, next_value = carried
            going_on = 1.0 - step.done
            surprise = step.rewards + gamma * next_value * going_on - step.values
            advantage = surprise + gamma * weight * going_on * advantage
            return (advantage, step.values), advantage

        return jax.lax.scan(back, (jnp.zeros_like(last_values), last_values), steps, reverse=True)[1]

    def _epoch(self, batch: Any, learner: Learner, _: None) -> tuple[Learner, None]:
        """Go once through the batch, in minibatches of random rows."""
        key, for_order = jax.random.split(learner.key)
        order = jax.random.permutation(for_order, self._config.environments * self._config.steps_an_update)
        rows = order.reshape(self._config.minibatches, -1)

        def learn(state: tuple[Params, Any], chosen: Any) -> tuple[tuple[Params, Any], None]:
            params, optimiser = state
            gradients = jax.grad(self._loss)(params, *jax.tree.map(lambda values: values[chosen], batch))
            changes, optimiser = self._optimiser.update(gradients, optimiser, params)
            return (optax.apply_updates(params, changes), optimiser), None

        (params, optimiser), _ = jax.lax.scan(learn, (learner.params, learner.optimiser), rows)
        return learner._replace(params=params, optimiser=optimiser, key=key), None

    def _loss(self, params: Params, steps: Step, advantages: Any, targets: Any) -> Any:
        clip = self._config.clip
        outputs, values = forward(params, steps.observations)
        near = steps.values + jnp.clip(values - steps.values, -clip, clip)
        value_loss = 0.5 * jnp.maximum((values - targets) ** 2, (near - targets) ** 2).mean()
        advantages = (advantages - advantages.mean()) / (advantages.std() + 1e-8)
        ratio = jnp.exp(log_probability(outputs, steps.actions) - steps.log_probabilities)
        gain = jnp.minimum(ratio * advantages, jnp.clip(ratio, 1 - clip, 1 + clip) * advantages).mean()
        bonus = self._config.entropy_weight * entropy(outputs).mean()
        return self._config.value_weight * value_loss - gain - bonus


def _flat(values: Any) -> Any:
    """[steps, environments, …] → [rows, …]."""
    return values.reshape(-1, *values.shape[2:])


def train(config: Config, folder: Path = Path("checkpoints")) -> None:
    """Train all runs, each from parameters of its own, and save them."""
    training = Training(config)
    for run, key in enumerate(jax.random.split(jax.random.PRNGKey(SEED), RUNS)):
        save(folder / str(run), training.run(key, name=f"run {run}"))


def changed(config: Config, changes: list[str]) -> Config:
    """The configuration with `name=value` for some of its fields."""
    pairs = (change.split("=", 1) for change in changes)
    return config._replace(**{name: type(getattr(config, name))(value) for name, value in pairs})


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("changes", nargs="*", metavar="name=value", help="in place of what config.py says")
    train(changed(CONFIG, parser.parse_args().changes))
