"""The directory: what Ray keeps under names for one data folder, found by whoever knows them, on any node.

Names begin with the data folder's own. A sandbox's actor is `<owner>/sandbox/<place>/<node>/<id>`, a node's steward
`<owner>/steward/<node>`, a session's placement group `<owner>/place/<place>`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mlgym_mcp.sandbox.cluster.connection import asked

GIVEN = "REMOVED"
"""The state of a placement group that was given back."""


@dataclass(frozen=True, slots=True)
class Node:
    """A node that is alive and takes work."""

    id: str
    resources: Mapping[str, float]
    """All that it has, or what of it nobody has taken."""
    labels: Mapping[str, str]

    def has(self, wanted: Mapping[str, float], labels: Mapping[str, str]) -> bool:
        """Whether it has as much, and these labels."""
        enough = all(self.resources.get(kind, 0) >= amount for kind, amount in wanted.items())
        return enough and labels.items() <= self.labels.items()


@dataclass(frozen=True, slots=True)
class Directory:
    """The names of one data folder."""

    owner: str

    def sandbox(self, place: str, node: str, sandbox_id: str) -> str:
        """The name of a sandbox's actor."""
        return f"{self.owner}/sandbox/{place}/{node}/{sandbox_id}"

    def steward(self, node: str) -> str:
        """The name of a node's steward."""
        return f"{self.owner}/steward/{node}"

    async def sandboxes(self) -> dict[str, tuple[str, str]]:
        """Place and node of each sandbox whose actor lives, by the sandboxes' ids."""
        import ray

        parts = [name.split("/") for name in await asked(ray.util.list_named_actors)]
        return {part[4]: (part[2], part[3]) for part in parts if len(part) == 5 and part[:2] == [self.owner, "sandbox"]}

    async def actor(self, name: str) -> Any | None:
        """The actor of this name; None when there is none."""
        import ray

        try:
            return await asked(ray.get_actor, name)
        except ValueError:
            return None

    async def places(self) -> dict[str, str | None]:
        """The nodes of all places that were taken and not given, by the places' names; None: it has none.

        Ray keeps what was given in that table, too, so it is looked at now and then, not for each session.
        """
        from ray.util import placement_group_table

        before = f"{self.owner}/place/"
        table = await asked(placement_group_table)
        return {
            group["name"].removeprefix(before): group["bundles_to_node_id"].get(0) or None
            for group in table.values()
            if group["name"].startswith(before) and group["state"] != GIVEN
        }

    async def places_here(self) -> set[str]:
        """The places on the node of the actor that asks, and those that have no node."""
        import ray

        here = ray.get_runtime_context().get_node_id()
        return {place for place, node in (await self.places()).items() if node in (here, None)}

    async def node_of(self, group: Any) -> str | None:
        """The node of a placement group; None: it has none yet, or none any more."""
        from ray.util import placement_group_table

        told = await asked(placement_group_table, group)
        return told["bundles_to_node_id"].get(0) or None if told["state"] == "CREATED" else None

    async def group(self, place: str) -> Any | None:
        """The placement group of a place; None when it has none."""
        from ray.util import get_placement_group

        if not place:
            return None
        try:
            return await asked(get_placement_group, f"{self.owner}/place/{place}")
        except ValueError:
            return None

    async def remove_place(self, place: str) -> None:
        """Let others have what a place reserves; whatever still runs in it ends."""
        from ray.util import remove_placement_group

        if (group := await self.group(place)) is not None:
            await asked(remove_placement_group, group)


async def nodes() -> list[Node]:
    """The nodes that are alive and have CPUs to give, with all that they have."""
    import ray

    found = [node for node in await asked(ray.nodes) if node["Alive"] and node["Resources"].get("CPU")]
    return [Node(node["NodeID"], node["Resources"], node["Labels"]) for node in found]


async def free() -> list[Node]:
    """The same with what is free of it."""
    from ray._private.state import available_resources_per_node

    there = await asked(available_resources_per_node)
    return [Node(node.id, there.get(node.id, {}), node.labels) for node in await nodes()]
