"""Tables of scores from runs: one of each flavour and protocol, and one of what may stand beside published scores."""

from collections.abc import Callable, Sequence

from mlgym_clients.metrics.table import PUBLISHED, Group, Problem, Result, ScoreTable
from mlgym_clients.records.attempt import Attempt, Measure
from mlgym_clients.records.run import AgentSpec, RunFacts
from mlgym_clients.records.task import TaskFacts

Made = tuple[RunFacts, Sequence[Attempt]]
"""A run, and what was made of it."""


class MixedScores(Exception):
    """Raised where scores would be mixed that can't be compared; says which and why."""


def groups_of(runs: Sequence[Made]) -> list[Group]:
    """What was measured alike in some runs: flavour and protocol of the attempts that count, as they first appear."""
    return list(dict.fromkeys(Group(str(one.flavour), one.protocol) for _, made in runs for one in _counted(made)))


def ranked_table(runs: Sequence[Made], group: Group) -> ScoreTable:
    """The scores of one flavour and protocol that rank.

    Attempts that failed through the infrastructure are left out: they say nothing of their agent.

    Raises:
        MixedScores: agents of one name, or tasks of one id, aren't the same in all runs.
    """
    tasks = _tasks(runs)
    problems = tuple(
        Problem(task.id, task.goal, task.baselines.get(f"{group.flavour}/{group.protocol}"), task.target)
        for task in tasks
    )
    results = _results(runs, group, tasks, lambda measure, metric: measure.scores.get(metric))
    return ScoreTable(group, problems, results)


def upstream_table(runs: Sequence[Made], group: Group, *, published: bool = False) -> ScoreTable | None:
    """Scores on all of the original's examples, at the tasks where they can be compared with published ones.

    Args:
        runs: The runs.
        group: The flavour, which must be full, and the protocol of the attempts meant.
        published: Whether the models of the original's paper are methods of the table, too, each with one result: the
            best attempt and the best submission of four.

    Returns:
        None where nothing can be compared.

    Raises:
        MixedScores: agents of one name, or tasks of one id, aren't the same in all runs.
    """
    tasks = [task for task in _tasks(runs) if task.comparable]
    if group.flavour != "full" or not tasks:
        return None
    problems = tuple(Problem(task.id, task.goal, task.baselines.get("full/mlgym"), task.target) for task in tasks)
    results = _results(runs, group, tasks, lambda measure, metric: (measure.upstream_scores or {}).get(metric))
    if published:
        for task in tasks:
            for model, score in task.published.items():
                made = results.setdefault(PUBLISHED.format(model), {})
                made[task.id] = (Result(score.attempt, score.submission),)
    left_out = [task for task in _tasks(runs) if not task.comparable]
    notes = tuple(f"{task.id} is left out: {task.comparable_why}" for task in left_out)
    return ScoreTable(group._replace(scores="upstream"), problems, results, notes)


def _results(
    runs: Sequence[Made],
    group: Group,
    tasks: Sequence[TaskFacts],
    value: Callable[[Measure, str], float | None],
) -> dict[str, dict[str, tuple[Result, ...]]]:
    metrics = {task.id: task.metric for task in tasks}
    results: dict[str, dict[str, tuple[Result, ...]]] = {}
    for facts, made in runs:
        for agent in facts.agents:
            results.setdefault(agent.name, {})
        for one in _counted(made):
            if (one.flavour, one.protocol) == (group.flavour, group.protocol) and one.task in metrics:
                metric = metrics[one.task]
                found = [None if measure is None else value(measure, metric) for measure in (one.best, one.submission)]
                of_task = results[one.agent].get(one.task, ())
                results[one.agent][one.task] = (*of_task, Result(found[0], found[1]))
    return results


def _counted(made: Sequence[Attempt]) -> list[Attempt]:
    return [one for one in made if one.state == "finished" and one.flavour is not None]


def _tasks(runs: Sequence[Made]) -> list[TaskFacts]:
    """All tasks of some runs, which agree on what they know of them and of agents of one name."""
    tasks: dict[str, TaskFacts] = {}
    agents: dict[str, AgentSpec] = {}
    for facts, _ in runs:
        for task in facts.tasks:
            if tasks.setdefault(task.id, task) != task:
                raise MixedScores(f"{facts.name} knows another {task.id} than the runs before; report them apart.")
        for agent in facts.agents:
            if agents.setdefault(agent.name, agent) != agent:
                raise MixedScores(
                    f"the agent {agent.name} of {facts.name} has other options than in the runs before; name one of "
                    "them differently, or report them apart."
                )
    return list(tasks.values())
