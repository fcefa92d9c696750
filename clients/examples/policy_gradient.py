"""Learn a strategy for a game by policy gradient (REINFORCE): each episode is a session, sixteen of them at once.

What is learnt are five numbers: how likely a strategy is to move 1 first, and after each of the four outcomes that the
last round can have. An episode draws the five moves by them, writes that strategy and validates it; what is learnt is
submitted in the end. `--plot FILE` keeps the curve.

python clients/examples/policy_gradient.py [--task ID] [--rounds 12] [--environments 16] [--seed 0] [--plot FILE]
    [--sandbox docker|bubblewrap] [--data-dir FOLDER]
"""

import argparse
import time

import gymnasium
import mlgym_clients.gym  # noqa: F401 - registers the tasks
import numpy as np
from numpy.typing import NDArray

LEARNING_RATE = 2.5
STRATEGY = """\
cat > strategy.py <<'END'
MOVES = {moves}


def row_strategy(history):
    return MOVES[1 + 2 * history[-1][0] + history[-1][1] if history else 0]
END"""

Numbers = NDArray[np.float64]


def main() -> None:
    asked = arguments()
    place = {"sandbox": asked.sandbox, "data_dir": asked.data_dir}
    chance = np.random.default_rng(asked.seed)
    began = time.monotonic()

    environments = gymnasium.make_vec(f"mlgym/{asked.task}", num_envs=asked.environments, **place)
    rewards, weights = learn(environments, asked.rounds, chance)
    environments.close()

    environment = gymnasium.make(f"mlgym/{asked.task}", **place)
    environment.reset()
    environment.step(written(weights > 0))
    *_, last = environment.step("submit")
    environment.close()

    took = time.monotonic() - began
    print(f"{last['outcome']} {last['scores']}: reward {last['reward']:+.3f}")
    first, final = rewards[0].mean(), rewards[-1].mean()
    print(f"{rewards.size} episodes in {took:.0f} s: mean reward {first:+.3f} at first, {final:+.3f} in the last round")
    if asked.plot:
        draw(rewards, asked)


def learn(
    environments: gymnasium.vector.VectorEnv, rounds: int, chance: np.random.Generator
) -> tuple[Numbers, Numbers]:
    """The rewards, a row a round, and the weights that were learnt."""
    weights = np.zeros(5)
    rewards = np.zeros((rounds, environments.num_envs))
    for number in range(rounds):
        likely = 1 / (1 + np.exp(-weights))
        moves = chance.random((environments.num_envs, 5)) < likely
        environments.reset()
        environments.step(tuple(map(written, moves)))
        _, rewards[number], *_ = environments.step(("validate",) * environments.num_envs)
        better = rewards[number] - rewards[number].mean()
        weights += LEARNING_RATE * (better / (better.std() + 1e-8)) @ (moves - likely) / environments.num_envs
        print(f"round {number + 1}: mean reward {rewards[number].mean():+.3f}", flush=True)
    return rewards, weights


def written(moves: NDArray[np.bool_]) -> str:
    """The command that writes a strategy."""
    return STRATEGY.format(moves=[int(move) for move in moves])


def draw(rewards: Numbers, asked: argparse.Namespace) -> None:
    """The curve: every episode, and the mean of each round."""
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams |= {"svg.fonttype": "none", "svg.hashsalt": "mlgym-mcp"}
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(6, 3.2), layout="constrained")
    rounds = np.arange(1, len(rewards) + 1)
    axes.scatter(np.repeat(rounds, rewards.shape[1]), rewards, s=8, alpha=0.35, linewidths=0, label="an episode")
    axes.plot(rounds, rewards.mean(axis=1), color="black", label="the round's mean")
    axes.axhline(0, linewidth=0.8, linestyle=":", color="grey")
    axes.set(title=asked.task, xlabel=f"round of {rewards.shape[1]} episodes", ylabel="reward", xticks=rounds)
    axes.legend(loc="lower right")
    figure.savefig(asked.plot, metadata={"Date": None})


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--task", default="battle-of-the-sexes-v1", help="a game of two moves")
    parser.add_argument("--rounds", type=int, default=12)
    parser.add_argument("--environments", type=int, default=16)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--plot")
    parser.add_argument("--sandbox")
    parser.add_argument("--data-dir")
    return parser.parse_args()


if __name__ == "__main__":
    main()
