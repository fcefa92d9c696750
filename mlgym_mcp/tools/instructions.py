"""What a client tells its model about the whole server; clients cut it at 2 KB."""

from mlgym_mcp.tools.desk import Desk

ALL_TASKS = """\
AI-research tasks, each worked at in a sandbox of its own and scored on data that the sandbox never sees.

1. `list_tasks` shows what there is; `start` opens a session on one task and returns its brief: read it.
"""

ONE_TASK = """\
One AI-research task, worked at in a sandbox and scored on data that the sandbox never sees: {task}.

1. Read its brief: `read` with mlgym://tasks/{task}.
"""

ONE_SESSION = """\
One session on one AI-research task, worked at in a sandbox and scored on data that the sandbox never sees.

1. `status` names the task; read its brief: `read` with mlgym://tasks/ and that name.
"""

THE_WORK = """\
2. Work with `bash` and `edit`. Every reply ends with the budget left. What takes longer than a call becomes a job:
   follow it with `job`, some 40 seconds at a time.
3. `validate` scores the files as they are now: early, to learn whether their format is right, and whenever they may
   have become better.
4. `submit` ends the session with a final score.
"""


def instructions(desk: Desk) -> str:
    """How to use the server."""
    if desk.pinned_task is not None:
        return ONE_TASK.format(task=desk.pinned_task) + THE_WORK
    return (ONE_SESSION if desk.one_session else ALL_TASKS) + THE_WORK
