"""Checkpoints of one session: its files and what its shell exports, to go back to or to begin others from.

Processes are not carried, nor what lies outside the workspace. What was spent is: a session that goes back has its
budget as it is now, one that begins from a checkpoint what was left at it.
"""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass

import anyio

from mlgym_mcp.errors import CallerError
from mlgym_mcp.sandbox.guest import Guest
from mlgym_mcp.sandbox.workspace import pack_workspace
from mlgym_mcp.sessions.acceptance import accepted
from mlgym_mcp.sessions.budget import dump_budget
from mlgym_mcp.sessions.call import Call
from mlgym_mcp.sessions.ledger import Entry, Ledger
from mlgym_mcp.sessions.lodging import Lodging
from mlgym_mcp.sessions.replies import CheckpointReply
from mlgym_mcp.sessions.shared import Shared
from mlgym_mcp.sessions.shell import Shell
from mlgym_mcp.store import Checkpoint, Store
from mlgym_mcp.tasks.spec import TaskSpec

ROOM = 64 * 1024 * 1024
"""Bytes that an archive may have beyond what the disk holds: headers and padding."""


@dataclass(frozen=True, slots=True)
class Checkpointing:
    """Takes the checkpoints of one session, and goes back to them."""

    shared: Shared
    ledger: Ledger
    task: TaskSpec
    lodging: Lodging
    shell: Shell

    def find(self, name: str) -> Checkpoint:
        """A checkpoint of the session by its name.

        Raises:
            CallerError: there is none of this name, or the operator has had it removed.
        """
        checkpoints = self._store.checkpoints.of(self.ledger.row.id)
        for checkpoint in checkpoints:
            if checkpoint.name == name:
                if pruned := self._pruned(checkpoint):
                    raise CallerError(f"Checkpoint {name!r} {pruned}; `start` a new session.")
                return checkpoint
        known = ", ".join(one.name for one in checkpoints[-10:]) or "none yet"
        raise CallerError(f"This session has no checkpoint {name!r}; the latest are: {known}.")

    def _pruned(self, checkpoint: Checkpoint) -> str | None:
        gone = self._store.workspaces.get(checkpoint.archive) is None
        return self._store.pruned.told(checkpoint.archive) if gone else None

    async def take(self, call: Call) -> CheckpointReply:
        """Keep the session's files and exports as they are now, once no command runs in its shell."""
        self.lodging.require_open()
        self._require_room()
        async with self._shell_of(call) as guest, self._accepted("checkpoint", {}, call) as entry:
            chunks = pack_workspace(guest, max_size=self.task.resources.disk + ROOM)
            archive, carried = await self._store.workspaces.add(chunks), await guest.carried()
            running = tuple(await guest.running_jobs())
            now, ledger = self.ledger.now, self.ledger
            budget = dump_budget(ledger.budget.carried_over(now))
            with ledger.transaction():
                made = self._store.checkpoints.add(ledger.row.id, archive, carried, budget=budget, at=now)
                return self._answered(entry, made, running)

    async def restore(self, name: str, call: Call) -> CheckpointReply:
        """Go back to a checkpoint: in a fresh sandbox, so that nothing of what came after is left."""
        self.lodging.require_open()
        checkpoint = self.find(name)
        request = {"checkpoint": name}
        async with self._shell_of(call) as guest, self._accepted("restore", request, call) as entry:
            running = tuple(await guest.running_jobs())
            return await self.lodging.move(checkpoint, lambda: self._answered(entry, checkpoint, running))

    @asynccontextmanager
    async def _shell_of(self, call: Call) -> AsyncIterator[Guest]:
        """The guest, while no command runs in its shell."""
        until = anyio.current_time() + call.patience
        guest = await self.lodging.guest(call)
        async with self.shell.turn(guest, until - anyio.current_time()):
            yield await self.lodging.guest(call)  # another's, if whoever had the shell has gone back to a checkpoint

    def _accepted(self, kind: str, request: object, call: Call) -> AbstractAsyncContextManager[Entry]:
        return accepted(self.lodging, kind, request, call, charge=False)

    @property
    def _store(self) -> Store:
        return self.shared.services.store

    def _require_room(self) -> None:
        held = sum(one.size for one in self._store.checkpoints.of(self.ledger.row.id))
        most = self.shared.limits.checkpoint_bytes
        if held >= most:
            raise CallerError(
                f"The checkpoints of this session hold {held / 2**20:.0f} MiB, of which {most / 2**20:.0f} are "
                "allowed; go on without new ones, or with a fork."
            )

    def _answered(self, entry: Entry, checkpoint: Checkpoint, running: tuple[str, ...]) -> CheckpointReply:
        reply = CheckpointReply(
            name=checkpoint.name,
            size=checkpoint.size,
            running=running,
            seconds=self.ledger.seconds(entry),
            budget=self.ledger.left(),
            state=self.ledger.state,
        )
        self.ledger.finish(entry, reply)
        return reply
