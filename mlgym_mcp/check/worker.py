"""Works in a session as an agent would, with all the time in the world."""

from pathlib import Path

from mlgym_mcp.errors import InvalidSubmission
from mlgym_mcp.sandbox.base import CommandResult
from mlgym_mcp.sessions.call import MAX_WAIT, Call
from mlgym_mcp.sessions.edit import EditRequest
from mlgym_mcp.sessions.replies import ScoreReply
from mlgym_mcp.sessions.session import Session

LONG = Call(wait_s=MAX_WAIT)
SHOWN = 400
"""Characters of output that are quoted."""


class Failed(Exception):
    """Raised when a step that everything after it needs did not go well; the message says what happened."""


class Worker:
    """One session, and what is done in it."""

    def __init__(self, session: Session) -> None:
        self.session = session

    async def bash(self, command: str) -> CommandResult:
        """Run a command to its end; one that goes on as a job is followed."""
        result = (await self.session.bash(command, call=LONG)).result
        while result.running:
            result = (await self.session.job(result.job, call=LONG)).result
        return result

    async def must(self, command: str) -> str:
        """What a command prints that ends well.

        Raises:
            Failed: it ended otherwise.
        """
        result = await self.bash(command)
        shown = (result.head + result.tail).decode(errors="replace").strip()
        if result.exit_code != 0:
            ended = result.stopped or f"exit status {result.exit_code}"
            raise Failed(f"{command} ended with {ended}: {shown[-SHOWN:]}")
        return shown

    async def lay(self, files: dict[str, Path]) -> None:
        """Write texts into the workspace."""
        for place, path in files.items():
            await self.write(place, path.read_text(encoding="utf-8"))

    async def write(self, place: str, text: str) -> None:
        """Write one file of the workspace."""
        await self.session.edit(EditRequest("create", f"/workspace/{place}", file_text=text), call=LONG)

    async def validate(self) -> ScoreReply:
        """Score the artefact as it is; waits for the verdict."""
        reply = await self.session.validate(call=LONG)
        while reply.outcome == "pending":
            reply = await self.session.validate(call=LONG)
        return reply

    async def submit(self) -> ScoreReply:
        """Score the artefact and end the session; waits for the verdict."""
        reply = await self.session.submit(call=LONG)
        while reply.outcome == "pending":
            reply = await self.session.submit(call=LONG)
        return reply

    async def refusal(self) -> str | None:
        """In what words the artefact, as it is now, can't be taken; None where it can."""
        try:
            await self.validate()
        except InvalidSubmission as error:
            return str(error)
        return None
