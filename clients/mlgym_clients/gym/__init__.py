"""Tasks as Gymnasium environments: an episode is a session, an action a command or a tool call.

Importing this registers the shipped tasks, which starts nothing:

    import gymnasium
    import mlgym_clients.gym

    env = gymnasium.make("mlgym/battle-of-the-sexes-v1", sandbox="bubblewrap")

or, since Gymnasium imports what stands before a colon, `gymnasium.make("mlgym_clients.gym:mlgym/blotto-v1")`.
"""

try:
    import gymnasium as gymnasium
except ModuleNotFoundError:
    raise ModuleNotFoundError("Environments need Gymnasium: pip install 'mlgym-mcp[gym]'", name="gymnasium") from None

from mlgym_clients.gym.environment import MLGymEnv
from mlgym_clients.gym.registration import TASKS, register
from mlgym_clients.gym.spaces import tool_call
from mlgym_clients.gym.vector import MLGymVectorEnv

__all__ = ["TASKS", "MLGymEnv", "MLGymVectorEnv", "register", "tool_call"]

register(*TASKS)
