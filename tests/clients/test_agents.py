"""Agents that need no model."""

import ast
from pathlib import Path
from random import Random

import pytest
from mlgym_clients.agents import registry
from mlgym_clients.agents.agent import Ending, Seat
from mlgym_clients.agents.random import changed
from mlgym_clients.records.run import AgentSpec

from tests.clients.runs.stage import Stage, Worker
from tests.fakes import World, scored

PROGRAM = '''"""Play 1 or 2."""


def strategy(history):
    return [3, 0, len(history) - 12]
'''


def made(kind: str, **options: object) -> Worker:
    """An agent of a kind, with a memory."""
    agent = registry.make(kind, AgentSpec(name=kind, kind=kind, options=options).options)

    async def works(seat: Seat) -> Ending:
        return await agent.attempt(seat)

    return Worker(works)


@pytest.mark.parametrize("seed", range(20))
def test_chance_changes_one_number_of_a_program_and_leaves_it_a_program(seed: int) -> None:
    text = changed(PROGRAM, Random(seed))
    assert text != PROGRAM
    assert text.startswith('"""Play 1 or 2."""')
    ast.parse(text)
    assert changed(PROGRAM, Random(seed)) == text


def test_chance_leaves_alone_what_is_no_program() -> None:
    assert changed("def broken(:\n    '''", Random(1)) == "def broken(:\n    '''"


async def test_the_baseline_is_laid_validated_and_submitted(tmp_path: Path) -> None:
    stage = Stage(World(tmp_path))
    (tmp_path / "tasks/toy-v1/baseline").mkdir()
    (tmp_path / "tasks/toy-v1/baseline/answer.txt").write_text("the best there is\n")
    stage.world.referee.answers += [scored(0.5), scored(0.5)]
    await stage.run(made("baseline"))
    assert stage.attempt().actions == {"edit": 1, "validate": 1, "submit": 1}
    [edit, *_] = stage.folder.read_events(stage.attempt().key)
    assert edit["request"]["file_text"] == "the best there is\n"


async def test_a_script_goes_on_after_a_refusal_and_is_chosen_by_its_task(tmp_path: Path) -> None:
    stage = Stage(World(tmp_path))
    view = {"edit": {"command": "view", "path": "gone.txt"}}
    calls = {"other-v1": ["end"], "all": [view, {"bash": {"command": "echo hello"}}, "submit"]}
    await stage.run(made("scripted", calls=calls))
    assert stage.attempt().actions == {"bash": 1, "submit": 1}
