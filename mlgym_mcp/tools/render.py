"""Replies as text: each function gives the lines of one reply, the closing line last."""

import base64

from mcp.types import CallToolResult, ContentBlock, ImageContent

from mlgym_mcp.sandbox.base import CommandResult
from mlgym_mcp.scoring.score import Score
from mlgym_mcp.sessions.replies import (
    AidReply,
    BestReply,
    CheckpointReply,
    CommandReply,
    EditReply,
    FileContent,
    ScoreReply,
    SessionView,
)
from mlgym_mcp.sessions.state import SessionState
from mlgym_mcp.sessions.summary import figures
from mlgym_mcp.tasks.spec import TaskSpec
from mlgym_mcp.tools.output import colourless, shown
from mlgym_mcp.tools.reply import closing, text

IMAGES = {"png": "image/png", "jpeg": "image/jpeg"}
STOPPED = {
    "command_time": "Ended at the time limit for one command.",
    "killed": "Killed.",
    "disk": "Ended because the disk was full.",
    "memory": "The memory was full: a process was killed.",
}


def command_answer(reply: CommandReply) -> CallToolResult:
    """The answer of `bash` and `job`."""
    return text(*command_text(reply))


def command_text(reply: CommandReply) -> list[str]:
    """What a command printed, what became of it, and how it ended."""
    result = reply.result
    head, tail = colourless(result.head), colourless(result.tail)
    output = shown(head, tail, size=len(head) + len(tail) + result.omitted, rest=result.output_path)
    parts = [output, *_fate(result), *_state_note(reply.state)]
    return [*parts, closing(_exit_status(result), reply.seconds, reply.budget)]


def _exit_status(result: CommandResult) -> str:
    if result.running:
        return f"running as {result.job}"
    if result.exit_code is not None and result.exit_code < 0:
        return f"ended by signal {-result.exit_code}"
    return f"exit {result.exit_code}"


def _fate(result: CommandResult) -> list[str]:
    notes = []
    if result.running:
        notes.append(f'(still running as job {result.job}; follow it with job(job="{result.job}", action="wait"))')
    if result.stopped:
        notes.append(f"({STOPPED.get(result.stopped, f'Ended: {result.stopped}.')})")
    if result.shell_lost:
        notes.append(
            f"(The shell ended with it: the next command gets a fresh one in {result.cwd or '/workspace'}, "
            "with the exported variables but without functions and other variables.)"
        )
    return notes


def edit_content(reply: EditReply) -> list[ContentBlock]:
    """What an edit shows or did; an image comes as an image."""
    last = closing("done", reply.seconds, reply.budget)
    content = reply.content
    if content is not None and content.kind in IMAGES:
        data = base64.b64encode(content.data).decode()
        image = ImageContent(type="image", data=data, mime_type=IMAGES[content.kind])
        return [image, *text(reply.path, *_state_note(reply.state), last).content]
    return text(_edit_text(reply), *_state_note(reply.state), last).content


def _edit_text(reply: EditReply) -> str:
    if reply.content is not None:
        return _file_text(reply.content)
    if reply.snippet is not None:
        return f"{reply.path} is changed:\n{shown(reply.snippet)}"
    return f"{reply.path} is {'overwritten' if reply.overwrote else 'created'}."


def _file_text(content: FileContent) -> str:
    body = shown(content.data, rest="view with `view_range`")
    if content.kind == "text" and content.truncated:
        body += f"\n(cut; it has {content.total_lines:,} lines: view more with `view_range`)"
    return body if content.data else "(empty)"


def score_text(reply: ScoreReply) -> list[str]:
    """A score beside its baseline, or why there is none."""
    parts = [_outcome(reply), *_figures(reply.score)]
    if reply.phase == "validate":
        parts += _state_note(reply.state)
    if reply.score is not None:
        aids = "".join(f", with {aid}" for aid in reply.score.aids)
        parts.append(f"data: {reply.score.flavour}, protocol: {reply.score.protocol}{aids}")
    if reply.exit_status:
        parts.append(f"exit status: {reply.exit_status}")
    return [*parts, closing(reply.outcome, reply.seconds, reply.budget)]


def aid_text(reply: AidReply) -> list[str]:
    """What was asked for, as far as one reply goes."""
    came = shown(reply.text.encode("utf-8", "backslashreplace"))
    return [came, *_state_note(reply.state), closing("done", reply.seconds, reply.budget)]


def best_text(reply: BestReply) -> list[str]:
    """What validated best, and what it scores as a submission."""
    verdict = reply.verdict
    parts = [_best(reply), *_figures(verdict.score)]
    if verdict.exit_status:
        parts.append(f"exit status: {verdict.exit_status}")
    return [*parts, closing(verdict.outcome, verdict.seconds, verdict.budget)]


def _best(reply: BestReply) -> str:
    if reply.artefact is None:
        return "Nothing was ever validated or submitted."
    if reply.verdict.outcome == "pending":
        return "Scoring goes on; call `score_best` again."
    if reply.verdict.outcome != "scored":
        return _outcome(reply.verdict)
    which = "which was submitted" if reply.submitted else "as `submit` would have scored it"
    return f"What validated best, {'' if reply.step is None else f'at step {reply.step}, '}{which}:"


def _outcome(reply: ScoreReply) -> str:
    if reply.outcome == "pending":
        return f"Scoring goes on; call `{reply.phase}` again to collect the score, free of charge."
    if reply.outcome == "submission_fault":
        return f"The submission could not be scored: {reply.fault}"
    if reply.outcome == "infrastructure_fault":
        held = "The artefact is held for the operator." if reply.held else f"Call `{reply.phase}` again."
        return f"The server failed to score it, through no fault of yours; nothing was charged. {held}"
    if reply.outcome == "nothing_to_score":
        return "There was nothing to score."
    if reply.phase == "submit":
        return "The score of the submission:"
    strict = reply.score is not None and reply.score.protocol == "strict"
    return "The score on the validation part:" if strict else "The score on all examples, as `submit` would give it:"


def _figures(score: Score | None) -> list[str]:
    if score is None or not score.scores:
        return []
    lines = figures(score.scores, score.standard_error, score.baseline)
    if score.reward is not None:
        lines.append(f"reward {score.reward:+.4f} (0: the baseline, 1: the best known)")
    if score.upstream_scores:
        listed = ", ".join(figures(score.upstream_scores, score.upstream_standard_error or {}, {}))
        lines.append(f"on all examples of the original benchmark: {listed}")
    return lines


def checkpoint_text(reply: CheckpointReply) -> list[str]:
    """What a checkpoint has, and what it has not."""
    parts = [f"{reply.name}: /workspace, {reply.size:,} bytes, and what the shell exports are kept."]
    if reply.running:
        parts.append(f"Not kept: {', '.join(reply.running)}, which went on meanwhile, and what is in memory.")
    return [*parts, closing("done", reply.seconds, reply.budget)]


def restore_text(reply: CheckpointReply) -> list[str]:
    """Where a session is again, and what that ended."""
    parts = [f"/workspace and what the shell exports are as they were at {reply.name}; the sandbox is a fresh one."]
    if reply.running:
        parts.append(f"Ended: {', '.join(reply.running)}.")
    return [*parts, closing("done", reply.seconds, reply.budget)]


def session_text(view: SessionView, seconds: float, *, brief: str | None = None) -> list[str]:
    """How a session stands; with its brief, when it has just been started."""
    parts = [f"Session {view.id} on {view.task}: {view.state}{f' ({view.reason})' if view.reason else ''}."]
    parts.append(f"data: {view.flavour}, protocol: {view.protocol}")
    if view.gpus:
        parts.append(f"GPUs: {', '.join(view.gpus.devices)}")
    if view.network:
        parts.append(f"network: {', '.join(view.network)}, through the proxy that `https_proxy` names")
    parts += [_job_line(job.job, job.command, job.running, job.exit_code, job.seconds) for job in view.jobs]
    parts += _figures(view.score)
    if view.exit_status:
        parts.append(f"exit status: {view.exit_status}")
    if brief:
        parts.append(f"\n{brief}\n")
    return [*parts, closing(view.state, seconds, view.budget)]


def _job_line(job: str, command: str, running: bool, exit_code: int | None, seconds: float) -> str:
    return f"- job {job}: {'running' if running else f'exit {exit_code}'}, {seconds:.0f} s: {command}"


def _state_note(state: SessionState) -> list[str]:
    if state == "cut_off":
        return [
            "(The budget is spent: the session is closed. What last validated, if anything did, is submitted; "
            "`submit` returns its score.)"
        ]
    return []


def task_text(task: TaskSpec) -> str:
    """One task of the catalogue in two lines."""
    metric = task.ranking
    return (
        f"- {task.id}: {task.title} ({task.domain})\n"
        f"  {metric.goal} {metric.name}; baseline {task.baselines.full.strict[metric.name]:.6g}, "
        f"best known {task.target.value:.6g} ({task.target.source}); {task.budget.steps} steps"
    )
