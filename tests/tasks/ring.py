"""Where policies play: the real judge and contestants in bubblewrap, on sample data, with the profile built once."""

from collections.abc import Mapping
from pathlib import Path

import yaml

from mlgym_mcp.data import Data
from mlgym_mcp.sandbox.bubblewrap import BubblewrapBackend
from mlgym_mcp.sandbox.environments import Environments, find_interpreter
from mlgym_mcp.scoring.referee import Referee
from mlgym_mcp.scoring.request import ScoreRequest
from mlgym_mcp.scoring.score import Score
from mlgym_mcp.tasks.measures import Protocol
from mlgym_mcp.tasks.spec import TaskSpec
from tests.scoring.arena import SECRET, Arena, new_sandbox

TASKS = Path(__file__).parents[2] / "tasks"
CHECKPOINTS = {f"checkpoints/{index}": f"weights {index}" for index in range(5)}
EPISODES = 5 * 5 * 16
"""Played by the sample's five checkpoints, seeds and environments of each."""


def policy(act: str, *, before: str = "") -> str:
    """A policy.py whose `act` is this expression of `self`, `observations` and `first`."""
    return f"""
import numpy as np
{before}
class Policy:
    def __init__(self, checkpoint, seed):
        self.checkpoint, self.steps, self.random = checkpoint, 0, np.random.default_rng(seed)
    def act(self, observations, first):
        self.steps += 1
        return {act}
def load(checkpoint, seed):
    return Policy(checkpoint, seed)
"""


CORRIDOR = """
import numpy as np
from policies import Actions, score

class Corridor:
    def reset(self, seed, *, seeds, environments):
        self.place = np.zeros((seeds * environments, 3), np.float32)
        return self.place
    def step(self, actions):
        self.place = self.place + (actions == 1)[:, None]
        return self.place, self.place[:, 0], np.zeros(len(self.place), bool)

def grade(case):
    return score(case, Corridor(), Actions("int32", choices=4), frames=199)
"""


def corridor(root: Path) -> TaskSpec:
    """A task with the maze's actions and length in an environment of a few lines, which no judge needs JAX for."""
    folder = root / "corridor-v1"
    for name, text in {"brief.md": "Walk.", "data.py": (TASKS / "rl-meta-maze-v1/data.py").read_text()}.items():
        folder.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    (folder / "grader.py").write_text(CORRIDOR)
    text = (TASKS / "rl-meta-maze-v1/task.yaml").read_text().replace("rl-meta-maze-v1", folder.name)
    document = {**yaml.safe_load(text), "environment": {"profile": "base"}, "starter": []}
    (folder / "task.yaml").write_text(yaml.safe_dump(document))
    return TaskSpec.load(folder)


async def scored(
    root: Path,
    cache_dir: Path,
    task: TaskSpec,
    files: Mapping[str, str] | str,
    *,
    protocol: Protocol = "strict",
    session: str = "a-session",
) -> Score:
    """What a submission comes to in `validate`; a text is the policy.py of five different checkpoints."""
    root.mkdir(exist_ok=True)
    backend = BubblewrapBackend(root / "data", Environments(cache_dir, await find_interpreter()))
    data = Data(root / "data", cache_dir, backend, SECRET, new_sandbox)
    arena = Arena(root, backend, Referee(backend, SECRET, new_sandbox), data)
    artefact = arena.artefact({"policy.py": files, **CHECKPOINTS} if isinstance(files, str) else files)
    prepared = await data.prepare(task, "sample")
    return await arena.referee.score(ScoreRequest(task, prepared, artefact, "validate", protocol, session))
