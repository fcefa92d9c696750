"""Tables of scores: what shares one, what is refused, and what all their figures say."""

from pathlib import Path

import pytest
from mlgym_clients.metrics.bootstrap import intervals
from mlgym_clients.metrics.conduct import conduct
from mlgym_clients.metrics.of_csv import BadTable, read_table
from mlgym_clients.metrics.of_runs import Made, MixedScores, groups_of, ranked_table, upstream_table
from mlgym_clients.metrics.ranks import ranking
from mlgym_clients.metrics.summary import summarise
from mlgym_clients.metrics.table import Group, Problem, Result, ScoreTable
from mlgym_clients.records.attempt import Attempt, Measure, Usage
from mlgym_clients.records.run import AgentSpec, RunFacts
from mlgym_clients.records.task import Published, TaskFacts

GAME = TaskFacts(
    id="game-v1",
    title="A game",
    domain="game-theory",
    metric="score",
    goal="maximize",
    baselines={"full/strict": 1.0, "full/mlgym": 1.1, "sample/strict": 1.2},
    target=2.0,
    comparable=True,
    published={"gpt-4o": Published(attempt=1.7, submission=1.6)},
)
SPEED = GAME.model_copy(
    update={"id": "speed-v1", "goal": "minimize", "comparable": False, "comparable_why": "clocks", "published": {}}
)
FULL = Group("full", "strict")


def run(*made: Attempt, name: str = "a-run", agents: tuple[str, ...] = ("ann", "bob")) -> Made:
    specs = tuple(AgentSpec(name=agent, kind="model") for agent in agents)
    return RunFacts(name=name, created_at=0, tasks=(GAME, SPEED), agents=specs), made


def attempt(
    agent: str, number: int, score: float | None, *, task: str = "game-v1", flavour: str = "full", **facts: object
) -> Attempt:
    values = {} if score is None else {"score": score}
    measure = Measure(
        phase="submit",
        outcome="submission_fault" if score is None else "scored",
        scores=values,
        upstream_scores={name: value - 0.1 for name, value in values.items()},
    )
    known = {"state": "finished", "exit_status": "submitted", "measures": (measure,), "best": measure, **facts}
    return Attempt.model_validate({"task": task, "agent": agent, "number": number, "flavour": flavour, **known})


def test_sample_and_full_strict_and_mlgym_never_share_a_table() -> None:
    made = [
        run(
            attempt("ann", 1, 1.5),
            attempt("ann", 2, 9.0, flavour="sample"),
            attempt("bob", 1, 8.0, protocol="mlgym"),
            attempt("bob", 2, 1.2),
        )
    ]
    assert groups_of(made) == [FULL, Group("sample", "strict"), Group("full", "mlgym")]
    table = ranked_table(made, FULL)
    assert table.values("ann", "game-v1", "attempt") == [1.5]
    assert table.values("bob", "game-v1", "attempt") == [1.2]
    assert [problem.baseline for problem in table.problems] == [1.0, 1.0]
    assert ranked_table(made, Group("sample", "strict")).problems[0].baseline == 1.2


def test_what_failed_through_the_infrastructure_is_no_attempt_and_what_was_not_scored_is_one() -> None:
    made = [run(attempt("ann", 1, None), attempt("ann", 2, 1.5), attempt("ann", 3, None, state="failed"))]
    figures = summarise(ranked_table(made, FULL), 2).cells["ann"]["game-v1"]
    assert (figures.made, figures.scored) == (2, 1)
    assert (figures.best_attempt, figures.pass_at_k, figures.mean, figures.error) == (1.5, 1.0, 1.5, None)


def test_published_models_stand_beside_upstream_scores_of_comparable_tasks_alone() -> None:
    made = [run(attempt("ann", 1, 1.5), attempt("ann", 1, 5.0, task="speed-v1"))]
    table = upstream_table(made, FULL, published=True)
    assert table is not None
    assert [(one.task, one.baseline) for one in table.problems] == [("game-v1", 1.1)]
    assert table.values("ann", "game-v1", "submission") == [1.4]
    assert table.of("gpt-4o (published)", "game-v1") == (Result(1.7, 1.6),)
    assert "speed-v1 is left out: clocks" in table.notes
    assert upstream_table(made, Group("sample", "strict"), published=True) is None


def test_agents_of_one_name_must_be_one_agent() -> None:
    facts, made = run(attempt("ann", 1, 1.5))
    other = facts.model_copy(update={"agents": (AgentSpec(name="ann", kind="model", options={"temperature": 1}),)})
    with pytest.raises(MixedScores, match="ann .* has other options"):
        ranked_table([(facts, made), (other, made)], FULL)


def test_attempts_of_several_runs_add_up() -> None:
    table = ranked_table([run(attempt("ann", 1, 1.5)), run(attempt("ann", 1, 1.7), name="another")], FULL)
    assert table.values("ann", "game-v1", "attempt") == [1.5, 1.7]


def test_equals_share_their_ranks_and_the_missing_share_the_last() -> None:
    found = ranking(
        {"a": {"t": 2.0}, "b": {"t": 2.0}, "c": {}, "d": {}, "e": {"t": 1.0}}, [Problem("t", "maximize", None)]
    )
    assert found.by_task["t"] == {"a": 1.5, "b": 1.5, "e": 3, "c": 4.5, "d": 4.5}
    assert found.borda["a"] == 3.5 and found.order[:3] == ["a", "b", "e"]


def test_an_interval_holds_the_figure_widens_with_spread_and_repeats() -> None:
    results: dict[str, dict[str, tuple[Result, ...]]] = {
        "steady": {"t": (Result(1.0, 1.0),) * 4},
        "wild": {"t": tuple(Result(value, value) for value in (0.0, 1.0, 2.0, 3.0))},
    }
    table = ScoreTable(FULL, (Problem("t", "maximize", 0.0, 3.0),), results)

    def mean(drawn: ScoreTable) -> dict[str, float]:
        return {one: sum(drawn.values(one, "t", "attempt")) / 4 for one in drawn.methods}

    found = intervals(table, mean, resamples=200, seed=1)
    assert found["steady"] == (1.0, 1.0)
    assert 0.2 < found["wild"].low < 1.5 < found["wild"].high < 2.8
    assert found == intervals(table, mean, resamples=200, seed=1)
    methods = summarise(table, 1, resamples=50).methods["attempt"]
    assert methods["wild"].fixed_interval is not None and methods["wild"].fixed_interval.high == 1.0
    assert methods["baseline"].aup_interval is None


def test_conduct_counts_endings_actions_and_what_is_known_of_costs() -> None:
    paid: dict[str, object] = {
        "usage": Usage(requests=2, input_tokens=10, output_tokens=5, cost=0.5),
        "actions": {"bash": 3},
        "steps": 4,
    }
    found = conduct(
        [
            attempt("ann", 1, 1.0).model_copy(update=paid),
            attempt("ann", 2, None, exit_status="autosubmission (max_steps)", actions={"bash": 1, "submit": 1}),
            attempt("ann", 3, None, state="failed"),
            attempt("ann", 4, None, state="running"),
        ]
    )["ann"]
    assert found.attempts == 3 and found.scored == 1 and found.steps == 4
    assert found.endings == {"submitted": 1, "autosubmission (max_steps)": 1, "infrastructure": 1}
    assert found.actions == {"bash": 4, "submit": 1}
    assert (found.usage.tokens, found.usage.cost, found.priced) == (15, 0.5, 1)


def test_a_file_takes_goal_and_baseline_from_the_catalogue_or_from_its_columns(tmp_path: Path) -> None:
    path = tmp_path / "scores.csv"
    path.write_text("method,task,score\nann,game-v1,1.5\nann,game-v1,\nbob,game-v1,1.6\n")
    table = read_table(path, {"game-v1": GAME})
    assert table.problems == (Problem("game-v1", "maximize", 1.1, 2.0),)
    assert table.of("ann", "game-v1") == (Result(1.5, 1.5), Result(None, None))
    path.write_text("task,method,score,goal\nmine,ann,1.5,minimize\nmine,baseline,2,minimize\n")
    assert read_table(path, {}).problems == (Problem("mine", "minimize", 2.0),)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("method,score\na,1\n", "has no column 'task'; it needs: method, task, score"),
        ("method,task,score,colour\na,t,1,red\n", "has a column 'colour'"),
        ("method,task,score\n", "has no line below its heading"),
        (
            "method,task,score\na,unknown-v1,1\n",
            "line 2, unknown-v1: the catalogue has no such task; add a column `goal`",
        ),
        ("method,task,score,goal\na,t,1,up\n", "line 2, t: its goal is 'up'"),
        ("method,task,score\na,game-v1,high\n", "line 2: score is 'high', and no number"),
        ("method,task,score\na,game-v1,inf\n", "leave it empty where there is no score"),
        ("method,task,score\na,game-v1\n", "line 2: it has not as many fields as the heading"),
        ("method,task,score,goal,baseline\na,t,1,minimize,1\nb,t,1,minimize,2\n", "line 3: goal, baseline or target"),
    ],
)
def test_a_file_that_is_no_table_is_refused_with_its_line(tmp_path: Path, text: str, told: str) -> None:
    path = tmp_path / "scores.csv"
    path.write_text(text)
    with pytest.raises(BadTable, match=told.replace("(", r"\(")):
        read_table(path, {"game-v1": GAME})
