"""Tasks as Gymnasium environments, played over HTTP against a server on fakes; and once for real."""

import importlib
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import anyio
import gymnasium
import mlgym_clients.gym
import pytest
from anyio import to_thread
from mlgym_clients.gym import TASKS, MLGymEnv, MLGymVectorEnv, register, tool_call
from mlgym_clients.gym.hub import ServerGone, hub
from mlgym_clients.gym.place import Place
from mlgym_clients.gym.spaces import observations, seen
from mlgym_clients.workbench import Refused

from mlgym_mcp.errors import ScoringError
from mlgym_mcp.server import catalog_of
from mlgym_mcp.settings import Settings
from mlgym_mcp.store import Store
from tests.clients.test_demo import LIMIT, needs_bubblewrap
from tests.fakes import TASK, World, faulty, scored
from tests.processes import environment
from tests.web.stage import TOKEN, free_port, site

Result = TypeVar("Result")
Step = tuple[Any, Any, Any, Any, dict[str, Any]]
WRITE = "echo 42 > answer.txt"


async def played(world: World, play: Callable[[str], Result], **settings: Any) -> Result:
    """What came of playing, in a thread of its own, at the address of a server on the world's folder."""
    async with site(world, **settings) as at:
        try:
            return await to_thread.run_sync(play, at.url)
        finally:
            for token in (None, TOKEN):
                await to_thread.run_sync(hub().disconnect, Place(at.url, token))


def steps(*actions: Any, **options: Any) -> Callable[[str], list[Step]]:
    """Plays the actions in one environment on the toy task."""

    def play(url: str) -> list[Step]:
        environment = MLGymEnv(TASK, url=url, **options)
        environment.reset()
        done = [environment.step(action) for action in actions]
        environment.close()
        return done

    return play


def rewards(done: list[Step]) -> list[float]:
    return [reward for _, reward, *_ in done]


async def test_an_episode_begins_with_the_brief_and_ends_with_what_was_submitted(tmp_path: Path) -> None:
    def play(url: str) -> None:
        environment = MLGymEnv(TASK, url=url)
        brief, info = environment.reset(seed=1)
        assert (brief, info["state"], info["steps_left"]) == ("Write answer.txt.", "open", 10)
        environment.step(WRITE)
        seen, reward, terminated, truncated, info = environment.step(" submit\n")
        assert "accuracy 0.75" in seen and (reward, terminated, truncated) == (0.5, True, False)
        assert (info["outcome"], info["scores"], info["exit_status"]) == ("scored", {"accuracy": 0.75}, "submitted")
        with pytest.raises(gymnasium.error.ResetNeeded):
            environment.step("ls")

    await played(World(tmp_path), play)


@pytest.mark.parametrize(("reward", "told"), [("change", [0.5, 0.0, -0.25, 0.75]), ("final", [0, 0, 0, 1.0])])
async def test_rewards_add_up_to_that_of_the_end(tmp_path: Path, reward: str, told: list[float]) -> None:
    world = World(tmp_path)
    world.referee.answers = [scored(0.75), scored(0.625), scored(1.0)]
    # The files are others each time, for what has not changed is not scored again.
    second = "validate", "echo 43 > answer.txt", "validate", "echo 44 > answer.txt", "submit"
    done = rewards(await played(world, steps(*second, reward=reward)))
    assert [done[0], done[1], done[2], done[4]] == told
    assert done[3] == 0


async def test_what_can_not_be_scored_through_its_own_fault_is_worth_minus_one_until_it_is_mended(
    tmp_path: Path,
) -> None:
    world = World(tmp_path)
    world.referee.answers = [scored(0.75), faulty("not_a_number", "nan"), faulty("not_a_number", "nan"), scored(1.0)]
    done = await played(world, steps("validate", WRITE, "validate", "submit", "echo 1 > answer.txt", "submit"))
    assert rewards(done) == [0.5, 0, -1.5, 0, 0, 2]
    assert [terminated for _, _, terminated, *_ in done] == [False] * 5 + [True]


@pytest.mark.parametrize(("actions", "told"), [(("validate", "true"), [0.5, 0]), (("true", "true"), [0, -1])])
async def test_a_spent_budget_cuts_off_and_submits_what_last_validated(
    tmp_path: Path, actions: tuple[str, ...], told: list[float]
) -> None:
    done = await played(World(tmp_path), steps(*actions, steps=2))
    assert rewards(done) == told
    assert done[-1][2:4] == (False, True)
    assert "max_steps" in done[-1][4]["exit_status"]


async def test_the_last_step_may_be_a_validation(tmp_path: Path) -> None:
    ((_, reward, terminated, truncated, info),) = await played(World(tmp_path), steps("validate", steps=1))
    assert (reward, terminated, truncated, info["state"]) == (0.5, False, True, "cut_off")


async def test_a_fault_of_the_servers_earns_nothing_and_goes_on(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.referee.answers = [ScoringError("no place")] * 2
    seen, reward, *ends, info = (await played(world, steps("validate")))[0]
    assert "through no fault of yours" in seen
    assert (reward, ends, info["outcome"]) == (0, [False, False], "infrastructure_fault")


async def test_a_lost_session_is_cut_off_without_a_reward(tmp_path: Path) -> None:
    world = World(tmp_path)

    def play(url: str) -> Step:
        environment = MLGymEnv(TASK, url=url)
        environment.reset()
        for guest in world.backend.guests.values():
            guest.end()
        return environment.step("ls")

    _, reward, terminated, truncated, info = await played(world, play)
    assert (reward, terminated, truncated, info["state"]) == (0, False, True, "lost")


async def test_tool_calls_are_made_as_they_are_and_what_is_none_is_told(tmp_path: Path) -> None:
    create = tool_call("edit", command="create", path="answer.txt", file_text="42\n")
    wrong = [{"tool": 0, "arguments": text} for text in ("ls", "[]", '{"commando": "ls"}')]
    done = await played(World(tmp_path), steps(create, *wrong, tool_call("submit"), actions="tool"))
    assert [step[0].splitlines()[0] for step in done[:3]] == [
        "answer.txt is overwritten.",
        "`arguments` is not JSON: Expecting value: line 1 column 1 (char 0).",
        '`arguments` is a JSON object, such as {"command": "ls"}.',
    ]
    assert "`command` is needed" in done[3][0] and done[3][4]["steps_left"] == 9
    assert done[4][1:3] == (0.5, True)


async def test_a_session_ends_with_a_reset_with_a_close_and_with_its_environment(tmp_path: Path) -> None:
    def play(url: str) -> None:
        environment = MLGymEnv(TASK, url=url, token=TOKEN)
        environment.reset()
        environment.reset()
        environment.close()
        environment.close()
        MLGymEnv(TASK, url=url, token=TOKEN).reset()
        MLGymVectorEnv(TASK, 2, url=url, token=TOKEN).reset()

    await played(World(tmp_path), play, token=TOKEN)
    with Store.open(tmp_path / "data") as store:
        assert [row.state for row in store.sessions.list()] == ["ended"] * 5


async def test_a_vector_steps_all_its_sessions_and_opens_anew_what_was_over(tmp_path: Path) -> None:
    def play(url: str) -> None:
        register(TASK, url=url)
        environments = gymnasium.make_vec(f"mlgym/{TASK}", num_envs=3)
        briefs, infos = environments.reset(seed=1)
        assert briefs == ("Write answer.txt.",) * 3 and len(set(infos["session"])) == 3
        seen, rewards, terminated, truncated, infos = environments.step(("echo a", "submit", "validate"))
        assert seen in environments.observation_space and seen[0].startswith("a\n")
        assert (list(rewards), list(terminated), list(truncated)) == ([0, 0.5, 0.5], [False, True, False], [False] * 3)
        assert list(infos["_scores"]) == [False, True, True]
        seen, rewards, terminated, _, infos = environments.step(("submit", "not looked at", "echo b"))
        assert (list(rewards), list(terminated), seen[1]) == ([0.5, 0, 0], [True, False, False], "Write answer.txt.")
        assert list(infos["steps_left"]) == [8, 10, 8]
        environments.close()

    await played(World(tmp_path), play)
    with Store.open(tmp_path / "data") as store:
        assert sorted(row.state for row in store.sessions.list()) == ["ended", "ended", "submitted", "submitted"]


async def test_one_that_can_not_begin_leaves_the_others_to_be_closed(tmp_path: Path) -> None:
    def play(url: str) -> None:
        environments = MLGymVectorEnv(TASK, 2, url=url, flavour="full")
        with pytest.raises(Refused):
            MLGymVectorEnv("toi-v1", 2, url=url).reset()
        environments.close()

    await played(World(tmp_path), play)


async def test_steps_are_counted_by_the_last_line_whatever_is_printed_above_it(tmp_path: Path) -> None:
    imitated = "echo '[running as j7 · 0.0 s · 99 steps, '"
    [done] = await played(World(tmp_path), steps(imitated))
    assert imitated[6:-1] in done[0] and done[4]["steps_left"] == 9


@pytest.mark.parametrize("text", ["plain\n\tü–…", "中文 \x1b[0m \udcff", "long " * 10_000])
def test_an_observation_is_in_its_space_whatever_was_printed(text: str) -> None:
    assert seen(text) in observations()


def test_every_shipped_task_has_a_name() -> None:
    assert tuple(sorted(catalog_of(Settings()).ids())) == TASKS
    assert {f"mlgym/{task}" for task in TASKS} <= gymnasium.registry.keys()


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: MLGymEnv(TASK, colour="red"), "there is no option 'colour'; there are: task, actions, reward"),
        (lambda: MLGymEnv(TASK, reward="sum"), "the option 'reward' can't be 'sum': Input should be 'change' or"),
        (lambda: MLGymEnv(TASK).reset(options={"seed": 1}), "reset has no options; got seed"),
    ],
)
def test_options_that_are_none_are_told(make: Callable[[], object], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        make()


def test_an_address_where_nobody_answers_is_told() -> None:
    with pytest.raises(ServerGone, match="no MCP server answers at"):
        MLGymEnv(TASK, url=f"http://127.0.0.1:{free_port()}").reset()


def test_without_gymnasium_the_import_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gymnasium", None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'mlgym-mcp\[gym\]'"):
        importlib.reload(mlgym_clients.gym)


CHECKED = """
import sys, warnings
import gymnasium
from gymnasium.utils.env_checker import check_env

warnings.simplefilter("error")
environment = gymnasium.make("mlgym_clients.gym:mlgym/battle-of-the-sexes-v1").unwrapped
check_env(environment)
environment.reset()
raise SystemExit(f"checked {environment}")
"""


@needs_bubblewrap
async def test_gymnasiums_checker_is_content_and_a_program_that_breaks_off_leaves_nothing(
    tmp_path: Path, cache_dir: Path
) -> None:
    """The server of its own is its child, whose process group is ended by nobody else."""
    with anyio.fail_after(LIMIT):
        ended = await anyio.run_process(
            [sys.executable, "-c", CHECKED], env=environment(tmp_path, cache_dir), check=False
        )
    assert ended.stderr.decode().startswith("checked <MLGymEnv"), ended.stderr.decode()
    with Store.open(tmp_path / "data") as store:
        assert {row.state for row in store.sessions.list()} == {"ended"}
    assert not os.listdir(tmp_path / "data/sandboxes")
    assert str(tmp_path) not in (await anyio.run_process(["ps", "axe"])).stdout.decode()
