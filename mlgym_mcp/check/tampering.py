"""Attempts to change what is scored by other means than the submission; none may have an effect."""

import hashlib
import shlex
from collections.abc import AsyncIterator

from mlgym_mcp.check.finding import Finding
from mlgym_mcp.check.worker import LONG, Worker
from mlgym_mcp.errors import SessionClosed
from mlgym_mcp.scoring.score import Score
from mlgym_mcp.store import Store
from mlgym_mcp.tasks.spec import TaskSpec

ASIDE = "/workspace/set-aside"


async def before_submit(task: TaskSpec, worker: Worker, validated: Score) -> AsyncIterator[Finding]:
    """Links in place of files, and files beside the submission's, in a session whose artefact was validated."""
    first = task.submission.files[0].rstrip("/")
    place = shlex.quote(f"/workspace/{first}")
    await worker.must(f"mv {place} {ASIDE} && ln -s {ASIDE} {place}")
    refused = await worker.refusal()
    yield Finding("link", refused is not None, refused or f"a symbolic link was taken for {first}")
    await worker.must(f"rm {place} && mv {ASIDE} {place}")
    await worker.must("cd /workspace && echo tampered > grader.py && echo tampered > judging.py && mkdir -p hidden")
    again = (await worker.validate()).score
    same = again is not None and _same(task, again, validated)
    yield Finding(
        "extra files", same, "have no effect" if same else "files beside the submission change what is scored"
    )


async def after_submit(worker: Worker, store: Store, validated: Score, submitted: Score) -> Finding:
    """A change after `submit`; and that the artefact which is kept is the one that was scored, the one validated."""
    try:
        await worker.session.bash("echo tampered", call=LONG)
        return Finding("after submit", False, "the session still takes commands")
    except SessionClosed:
        pass
    kept = store.artefacts.get(submitted.artefact)
    digest = hashlib.sha256(kept.path.read_bytes()).hexdigest() if kept else "nothing"
    same = digest == submitted.artefact == validated.artefact
    detail = (
        f"the artefact {digest[:12]}… is kept as scored" if same else f"{digest} is kept, {submitted.artefact} scored"
    )
    return Finding("after submit", same, detail)


def _same(task: TaskSpec, again: Score, before: Score) -> bool:
    # What is scored alone on the machine is timed, and never twice the same.
    return again.artefact == before.artefact and (task.scoring.exclusive or again.scores == before.scores)
