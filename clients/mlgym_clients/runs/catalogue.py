"""What a server has to attempt, and what of it a plan means."""

import json
from collections.abc import Sequence
from typing import Any

from mcp import Client
from mcp.types import TextResourceContents

from mlgym_clients.records.run import RunFacts
from mlgym_clients.records.task import Published, TaskFacts
from mlgym_clients.runs.plan import BadPlan, Plan

EVERY = "all"


async def read_catalogue(client: Client) -> list[TaskFacts]:
    """The tasks of a server."""
    result = await client.read_resource("mlgym://tasks")
    texts = [part.text for part in result.contents if isinstance(part, TextResourceContents)]
    return [_task(entry) for entry in json.loads("".join(texts))["tasks"]]


def chosen(tasks: Sequence[TaskFacts], names: Sequence[str]) -> tuple[TaskFacts, ...]:
    """The tasks that names mean, each once, in the order of the names.

    Args:
        tasks: What there is.
        names: Ids, domains, or `all`.

    Raises:
        BadPlan: a name means none of them; lists what would.
    """
    found: dict[str, TaskFacts] = {}
    for name in names:
        meant = [task for task in tasks if name in (task.id, task.domain, EVERY)]
        if not meant:
            domains = sorted({task.domain for task in tasks})
            listed = ", ".join([EVERY, *domains, *(task.id for task in tasks)])
            raise BadPlan(f"there is no task or domain {name!r}; there are: {listed}.")
        found |= {task.id: task for task in meant}
    return tuple(found.values())


def facts_of(plan: Plan, tasks: Sequence[TaskFacts], *, name: str, now: float, version: str) -> RunFacts:
    """A run as a plan asks for it.

    Raises:
        BadPlan: it names a task that there is not.
    """
    return RunFacts(
        name=name,
        created_at=now,
        tasks=chosen(tasks, plan.tasks),
        agents=plan.agents,
        attempts=plan.attempts,
        protocol=plan.protocol,
        flavour=plan.flavour,
        limits=plan.limits,
        seed=plan.seed,
        version=version,
    )


def require_same(begun: RunFacts, asked: RunFacts) -> None:
    """Have a run that was begun go on only as it began.

    Raises:
        BadPlan: something else is asked for; says what differs.
    """
    ignored = {"name", "created_at", "version"}
    before, after = begun.model_dump(mode="json"), asked.model_dump(mode="json")
    for name in sorted(before.keys() - ignored):
        if before[name] != after[name]:
            old, new = _difference(before[name], after[name])
            raise BadPlan(
                f"this run was begun with {name} {old}, and is asked to go on with {new}; "
                "ask for the same, or name another folder with --to."
            )


def _difference(old: Any, new: Any) -> tuple[str, str]:
    """Two values that differ, without what is the same in both."""
    if isinstance(old, dict) and isinstance(new, dict):
        names = [name for name in old if old[name] != new.get(name)]
        return json.dumps({name: old[name] for name in names}), json.dumps({name: new.get(name) for name in names})
    if isinstance(old, list) and isinstance(new, list):
        if len(old) == len(new):
            pairs = [_difference(*pair) for pair in zip(old, new, strict=True) if pair[0] != pair[1]]
            return ", ".join(pair[0] for pair in pairs), ", ".join(pair[1] for pair in pairs)
        return json.dumps([_name(item) for item in old]), json.dumps([_name(item) for item in new])
    return json.dumps(old), json.dumps(new)


def _name(item: Any) -> Any:
    return item.get("id") or item.get("name") if isinstance(item, dict) else item


def _task(entry: dict[str, Any]) -> TaskFacts:
    published, shared = entry["published"], TaskFacts.model_fields.keys() & entry.keys() - {"published"}
    facts = {name: entry[name] for name in shared}
    # Servers without the group `evaluation` tell the best attempts alone, and the baseline on full data.
    facts.setdefault("baselines", {"full/strict": entry["baseline"]})
    full = {model: score for model, score in published.items() if isinstance(score, dict)}
    return TaskFacts(**facts, published={model: Published(**score) for model, score in full.items()})
