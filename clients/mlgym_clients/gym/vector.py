"""Many sessions on one task, stepped together."""

from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from typing import Any

import numpy as np
from gymnasium.error import ResetNeeded
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space, iterate
from mcp import Client
from numpy.typing import NDArray

from mlgym_clients.gym.episode import Episode, Turn
from mlgym_clients.gym.hub import hub
from mlgym_clients.gym.setup import Setup
from mlgym_clients.gym.spaces import actions, observations

Flags = NDArray[np.bool_]


class MLGymVectorEnv(VectorEnv[tuple[str, ...], Any, NDArray[Any]]):
    """As many sessions as are asked for, all of them worked at in one event loop rather than a process each.

    A step takes as long as its slowest session. One that is over opens anew with the next step, whose action it does
    not look at (Gymnasium's next-step autoreset).

    Args:
        task: Its id.
        num_envs: How many sessions.
        options: See `Setup`.
    """

    metadata = {"render_modes": [], "autoreset_mode": AutoresetMode.NEXT_STEP}

    def __init__(self, task: str, num_envs: int = 1, **options: Any) -> None:
        self._setup = Setup.of(task, options)
        self._episodes: list[Episode | None] = [None] * num_envs
        self._begun = False
        self.num_envs = num_envs
        self.single_observation_space = observations()
        self.single_action_space = actions(self._setup.actions)
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[tuple[str, ...], dict[str, Any]]:
        """End all sessions and open others.

        Args:
            seed: Of `np_random`.
            options: There are none.
        """
        super().reset(seed=seed)
        if options:
            raise ValueError(f"reset has no options; got {', '.join(options)}. Environments' are given to `make_vec`.")
        self._end()
        self._begun = True
        turns = self._turns([None] * self.num_envs)
        return self._seen(turns), self._infos(turns)

    def step(self, actions: Any) -> tuple[tuple[str, ...], NDArray[Any], Flags, Flags, dict[str, Any]]:
        """Do what each action means in its session, all at once.

        Raises:
            ResetNeeded: there are no sessions.
            ServerGone: the server does not answer. The sessions may still be there for the next step.
        """
        if not self._begun:
            raise ResetNeeded("No session is open: call reset first.")
        turns = self._turns(list(iterate(self.action_space, actions)))
        return (
            self._seen(turns),
            np.array([turn.reward for turn in turns]),
            np.array([turn.terminated for turn in turns]),
            np.array([turn.truncated for turn in turns]),
            self._infos(turns),
        )

    def close_extras(self, **_: Any) -> None:
        """End all sessions."""
        self._end()

    def __del__(self) -> None:
        with suppress(Exception):
            self._end()

    def _turns(self, actions: Sequence[Any]) -> list[Turn]:
        hub().closes(self)
        works = [partial(self._turn, number, action) for number, action in enumerate(actions)]
        return hub().together(self._setup.place, works)

    async def _turn(self, number: int, action: Any, client: Client) -> Turn:
        episode = self._episodes[number]
        if episode is None:
            self._episodes[number] = episode = await Episode.begin(self._setup, client)
            return episode.brief
        turn = await episode.act(action, client)
        if turn.last:
            self._episodes[number] = None
        return turn

    def _end(self) -> None:
        self._begun = False
        episodes, self._episodes = self._episodes, [None] * self.num_envs
        if going_on := [episode.end for episode in episodes if episode is not None]:
            hub().together(self._setup.place, going_on)

    @staticmethod
    def _seen(turns: Sequence[Turn]) -> tuple[str, ...]:
        return tuple(turn.seen for turn in turns)

    def _infos(self, turns: Sequence[Turn]) -> dict[str, Any]:
        infos: dict[str, Any] = {}
        for number, turn in enumerate(turns):
            infos = self._add_info(infos, turn.info, number)
        return infos
