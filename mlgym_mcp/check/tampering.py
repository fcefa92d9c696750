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


async def before_submit(task: TaskSpec, worker: Worker) -> Finding:
    """A link in place of a file; and, left there for the submit, files beside the submission's."""
    first = task.submission.files[0].rstrip("/")
    place = shlex.quote(f"/workspace/{first}")
    await worker.must(f"mv {place} {ASIDE} && ln -s {ASIDE} {place}")
    refused = await worker.refusal()
    await worker.must(f"rm {place} && mv {ASIDE} {place}")
    await worker.must("cd /workspace && echo tampered > grader.py && echo tampered > judging.py && mkdir -p hidden")
    return Finding("link", refused is not None, refused or f"a symbolic link was taken for {first}")


async def after_submit(worker: Worker, store: Store, validated: Score, submitted: Score) -> AsyncIterator[Finding]:
    """What the files beside the submission came to; and a change after `submit`, to what is kept as scored."""
    same = submitted.artefact == validated.artefact
    detail = "are no part of what is scored" if same else "files beside the submission change what is scored"
    yield Finding("extra files", same, detail)
    try:
        await worker.session.bash("echo tampered", call=LONG)
        yield Finding("after submit", False, "the session still takes commands")
        return
    except SessionClosed:
        pass
    kept = store.artefacts.get(submitted.artefact)
    digest = hashlib.sha256(kept.path.read_bytes()).hexdigest() if kept else "nothing"
    same = digest == submitted.artefact
    detail = f"the artefact {digest[:12]}… is kept as scored"
    yield Finding("after submit", same, detail if same else f"{digest} is kept, {submitted.artefact} scored")
