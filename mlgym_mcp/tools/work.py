"""The tools with which a task is worked at: `bash`, `edit` and `job`."""

from typing import Annotated

from mcp.types import CallToolResult
from pydantic import Field

from mlgym_mcp.errors import CallerError
from mlgym_mcp.sessions.edit import EditCommand, EditRequest
from mlgym_mcp.sessions.session import JobAction
from mlgym_mcp.tools.desk import Desk
from mlgym_mcp.tools.incoming import OptionalText, Request, SessionHandle, WaitSeconds
from mlgym_mcp.tools.render import command_answer, edit_content
from mlgym_mcp.tools.reply import mixed

AFTER_INPUT = 2.0
"""Seconds in which a job may answer to its input; it seldom ends with it."""


class WorkTools:
    """Commands and files in a session's sandbox. All of them answer with text alone."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def bash(
        self,
        request: Request,
        command: Annotated[str, Field(description="What to run; several lines are fine.")],
        wait_s: WaitSeconds = None,
        background: Annotated[bool, Field(description="Start it as a job and answer at once.")] = False,
        session: SessionHandle = None,
    ) -> CallToolResult:
        """Run a command in the session's sandbox and return what it printed (stdout and stderr) and its exit status.

        One bash serves all calls: directory, variables and functions persist. It starts in /workspace; data is
        read-only in /data; there is no network unless the task says so. stdin is empty.

        A command that outlasts `wait_s` isn't stopped: it becomes a job (`j3`), and the reply shows its output so far.
        Follow it with `job`, which costs no step. Start what takes minutes with `background: true`, then wait with
        `job(job, action="wait", wait_s=40)`, about 40 seconds at a time; meanwhile the shell is free. A client that
        follows tasks may be given one for what isn't in the background: it has the whole result in the end.

        Costs one step. Long output is cut in the middle; all of it is in the file that the reply names. The last line,
        and no other, says exit status, time taken and the budget left. A non-zero exit status is a normal result.
        """
        async with self._desk.turn(request, session, wait_s) as (target, call):
            reply = await target.bash(command, background=background, call=call)
        return command_answer(reply)

    async def job(
        self,
        request: Request,
        job: Annotated[str, Field(description="The job, such as `j3`.")],
        action: Annotated[JobAction, Field(description="What to do with it.")] = "wait",
        input: Annotated[  # noqa: A002 - the protocol's name
            OptionalText, Field(description="For `input`: text for its stdin; an empty text closes stdin.")
        ] = None,
        wait_s: WaitSeconds = None,
        session: SessionHandle = None,
    ) -> CallToolResult:
        """Follow, kill or feed a job: a command that outlasted its call, or was started with `background`.

        `wait` answers when the job ends or `wait_s` is over, with its output: for a long training call it again and
        again with `wait_s: 40` rather than polling every few seconds. `kill` ends the job and all its processes.
        `input` writes text to its stdin and answers with what the job printed within two seconds, or `wait_s`.

        `wait` and `kill` are free, `input` costs one step.
        """
        if action == "input" and wait_s is None:
            wait_s = AFTER_INPUT
        async with self._desk.turn(request, session, wait_s) as (target, call):
            reply = await target.job(job, action, data=_input(action, input), call=call)
        return command_answer(reply)

    async def edit(
        self,
        request: Request,
        command: Annotated[EditCommand, Field(description="What to do.")],
        path: Annotated[str, Field(description="A file or folder; relative paths start in /workspace.")],
        file_text: Annotated[OptionalText, Field(description="For `create`: the whole content.")] = None,
        old_str: Annotated[OptionalText, Field(description="For `str_replace`: what to replace; occurs once.")] = None,
        new_str: Annotated[OptionalText, Field(description="For `str_replace` and `insert`: the new text.")] = None,
        insert_line: Annotated[int | None, Field(description="For `insert`: after which line; 0 is the top.")] = None,
        view_range: Annotated[
            list[int] | None, Field(description="For `view`: [first, last] line; last -1 is the end.")
        ] = None,
        session: SessionHandle = None,
    ) -> CallToolResult:
        """View or change a file of the session's sandbox.

        `view` shows a file with line numbers, lists a folder, or shows a PNG or JPEG as an image. `create` writes a
        whole file, over one that exists, and says so. `str_replace` replaces the one place where `old_str` occurs.
        `insert` puts `new_str` after line `insert_line`. A refused edit changes nothing and costs nothing; any other
        costs one step.
        """
        async with self._desk.turn(request, session) as (target, call):
            lines = _line_range(view_range)
            asked = EditRequest(command, path, file_text, old_str, new_str, insert_line, lines)
            reply = await target.edit(asked, call=call)
        return mixed(edit_content(reply))


def _input(action: JobAction, given: str | None) -> bytes | None:
    if action != "input":
        return None
    if given is None:
        raise CallerError("`input` needs the text to write in `input`; an empty text closes the job's stdin.")
    return given.encode()


def _line_range(given: list[int] | None) -> tuple[int, int] | None:
    if given is None:
        return None
    if len(given) != 2:
        raise CallerError(f"`view_range` is [first, last], two line numbers; got {given}.")
    return given[0], given[1]
