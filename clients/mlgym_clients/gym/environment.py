"""One task as a Gymnasium environment."""

from contextlib import suppress
from functools import partial
from typing import Any

import gymnasium
from gymnasium.envs.registration import EnvSpec
from gymnasium.error import ResetNeeded

from mlgym_clients.gym.episode import Episode
from mlgym_clients.gym.hub import hub
from mlgym_clients.gym.setup import Setup
from mlgym_clients.gym.spaces import actions, observations


class MLGymEnv(gymnasium.Env[str, Any]):
    """Each reset opens a session; an observation is the task's brief first, then what an action was answered with.

    `terminated` is submitted, `truncated` cut off: the budget is spent, or the session was lost. What can't be scored
    through its own fault is worth −1; a submit that was at fault does not end the session. What the server failed to
    score, and a session that it lost, earn nothing and take nothing. A seed is that of `np_random`; the chance in a
    scoring is the server's and differs from session to session. Calls that cost no step, as those that are refused,
    can be bounded by `make(…, max_episode_steps=…)`.

    Args:
        task: Its id.
        options: See `Setup`.
    """

    metadata = {"render_modes": []}

    def __init__(self, task: str, **options: Any) -> None:
        self._setup = Setup.of(task, options)
        self._episode: Episode | None = None
        self.observation_space = observations()
        self.action_space = actions(self._setup.actions)
        self.spec = EnvSpec(
            f"mlgym/{task}", "mlgym_clients.gym:MLGymEnv", nondeterministic=True, kwargs={"task": task, **options}
        )

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[str, dict[str, Any]]:
        """End the session, if there is one, and open another.

        Args:
            seed: Of `np_random`.
            options: There are none.

        Raises:
            Refused: the server opens none; the words are its own.
            ServerFailed: a server of our own could not be started.
        """
        super().reset(seed=seed)
        if options:
            raise ValueError(f"reset has no options; got {', '.join(options)}. An environment's are given to `make`.")
        self._end()
        [self._episode] = hub().together(self._setup.place, [partial(Episode.begin, self._setup)])
        hub().closes(self)
        return self._episode.brief.seen, self._episode.brief.info

    def step(self, action: Any) -> tuple[str, float, bool, bool, dict[str, Any]]:
        """Do what an action means, however long it takes.

        Raises:
            ResetNeeded: there is no session.
            ServerGone: the server does not answer. The session may still be there for the next step.
        """
        if self._episode is None:
            raise ResetNeeded("No session is open: call reset first.")
        [turn] = hub().together(self._setup.place, [partial(self._episode.act, action)])
        if turn.last:
            self._episode = None
        return turn.seen, turn.reward, turn.terminated, turn.truncated, turn.info

    def close(self) -> None:
        """End the session; the environment can be reset again."""
        self._end()

    def __del__(self) -> None:
        with suppress(Exception):
            self.close()

    def _end(self) -> None:
        if self._episode is not None:
            episode, self._episode = self._episode, None
            hub().together(self._setup.place, [episode.end])
