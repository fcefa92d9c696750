"""Plans: what is wrong with one is told in a sentence, with its place, before anything starts."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from mlgym_clients.records.run import RunFacts
from mlgym_clients.records.task import TaskFacts
from mlgym_clients.runs.catalogue import facts_of, require_same
from mlgym_clients.runs.plan import BadPlan, Plan

from tests.cli.terminal import refused

TASKS = [
    TaskFacts(id=name, title=name, domain="toys", metric="score", goal="maximize", target=1.0) for name in ("a", "b")
]
GOOD = {"tasks": ["all"], "agents": ["baseline"]}


def read(tmp_path: Path, document: Any, **options: Any) -> Plan:
    file = tmp_path / "plan.yaml"
    file.write_text(yaml.safe_dump(document))
    return Plan.read(file, options)


def test_an_agent_is_a_kind_or_a_kind_with_its_options_beside_it(tmp_path: Path) -> None:
    document = {**GOOD, "agents": ["baseline", {"kind": "random", "name": "dice", "moves": 3}]}
    first, second = read(tmp_path, document).agents
    assert (first.name, first.kind, first.options) == ("baseline", "baseline", {})
    assert (second.name, second.kind, second.options) == ("dice", "random", {"moves": 3})


def test_options_stand_over_the_file_and_those_left_out_do_not(tmp_path: Path) -> None:
    plan = read(tmp_path, {**GOOD, "attempts": 2, "steps": 20}, attempts=5, steps=None)
    assert (plan.attempts, plan.steps, plan.protocol) == (5, 20, "strict")


def test_a_server_is_named_as_it_names_itself_too(tmp_path: Path) -> None:
    assert {read(tmp_path, {**GOOD, "url": f"http://a:1{end}"}).url for end in ("", "/", "/mcp")} == {"http://a:1"}


def test_by_hand_one_task_is_attempted_at_a_time(tmp_path: Path) -> None:
    assert read(tmp_path, GOOD).places == 2
    assert read(tmp_path, {**GOOD, "agents": ["human"]}).places == 1


def test_a_plan_that_is_written_down_reads_the_same(tmp_path: Path) -> None:
    plan = read(tmp_path, {**GOOD, "agents": [{"kind": "random", "moves": 3}], "data_dir": "data"})
    kept = tmp_path / "kept.json"
    kept.write_text(plan.model_dump_json(exclude_none=True))
    assert Plan.read(kept, {}) == plan


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"tasks": None}, "'tasks' in "),
        ({"atempts": 3}, "has no place for 'atempts'; there are: name, tasks, agents"),
        ({"attempts": 0}, "'attempts' in .*greater than or equal to 1; got 0"),
        ({"agents": [{"name": "x"}]}, "'agents.0.kind' in "),
        ({"agents": ["random", "random"]}, "two agents are called 'random'"),
        ({"agents": [{"kind": "random", "name": "a/b"}]}, "'a/b' can't name a folder"),
        ({"url": "http://127.0.0.1:1/s/abc/mcp"}, "'url' in "),
        ({"agents": ["human"], "concurrency": 2}, "by hand does so one task at a time"),
        ({"protocol": "lax"}, "'protocol' in .*'strict' or 'mlgym'; got 'lax'"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_a_mistake_is_told_with_its_place(tmp_path: Path, change: dict[str, Any], told: str) -> None:
    with pytest.raises(BadPlan, match=told):
        read(tmp_path, {**GOOD, **change})


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"attempts": 2}, "begun with attempts 4, and is asked to go on with 2;"),
        ({"tasks": ["toys"]}, 'begun with tasks ["a"], and is asked to go on with ["a", "b"];'),
        ({"cost": 1}, 'begun with limits {"cost": null}, and is asked to go on with {"cost": 1.0};'),
        ({"agents": ["random"]}, "begun with agents "),
    ],
    ids=["attempts", "tasks", "limits", "agents"],
)
def test_a_run_goes_on_only_as_it_began(change: dict[str, Any], told: str) -> None:
    def facts(**changes: Any) -> RunFacts:
        plan = Plan.read(None, {"tasks": ["a"], "agents": ["baseline"], **changes})
        return facts_of(plan, TASKS, name="run", now=1.0, version="1")

    require_same(facts(), facts(concurrency=7))
    with pytest.raises(BadPlan, match=re.escape(told)):
        require_same(facts(), facts(**change))


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--agent", "baseline"), "say which tasks to run, in a plan or with --task."),
        (("--task", "all", "--agent", "baseline", "--attempts", "0"), "--attempts: input should be"),
        (("--task", "all", "--agent", "chess"), "there is no kind of agent 'chess'; there are: "),
        (("--task", "all", "--agent", "{kind: random, moves: x}"), "the option 'moves' of the agent `random`"),
        (("--task", "all", "--agent", "{kind: baseline, speed: 3}"), "the agent `baseline` has no options; got speed."),
        (("--task", "all", "--agent", "scripted"), "needs one of the options `file` and `calls`."),
        (("--task", "all", "--agent", "{kind: scripted, file: gone.yaml}"), "the calls of gone.yaml can't be read"),
        (("--task", "all", "--agent", "{kind: scripted, calls: [{a: {}, b: {}}]}"), "is not a list of calls such as"),
        (("--task", "all", "--agent", "{kind"), "is no YAML"),
        (("gone.yaml",), "the plan gone.yaml can't be read"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_the_command_refuses_in_one_sentence(tmp_path: Path, options: tuple[str, ...], told: str) -> None:
    assert told in refused("run", *options, "--to", str(tmp_path / "run"))
    assert not (tmp_path / "run").exists()
