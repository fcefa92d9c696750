"""The named points at which a server is killed, and what its client asks for meanwhile."""

from dataclasses import dataclass, replace

from tests.faults.killing import Moment, When
from tests.faults.lives import KILL, WISH, Ask, ask

STORE, SESSIONS, SANDBOX = "mlgym_mcp.store", "mlgym_mcp.sessions", "mlgym_mcp.sandbox"
SUBMISSION = ask("bash", "exit 0", command="head -c 400000 /dev/urandom > weights")

CHAPTERS: dict[str, tuple[Ask, ...]] = {
    "opening": (
        ask("start", "'state': 'open'"),
        ask("bash", "a number", command="echo x >> log; cat hint"),
    ),
    "work": (
        ask("start"),
        ask("bash", "exit 0", command="cd /tmp; kept=in-the-shell"),
        ask("bash", "j2", command="while read line; do echo got $line >> /workspace/fed; done", background=True),
        ask("bash", "x", command="echo x >> /workspace/log; head -c 30000 /dev/zero | tr '\\0' x"),
        ask("edit", "is created", command="create", path="a.txt", file_text="one\n"),
        ask("edit", "two", command="insert", path="a.txt", insert_line=1, new_str="two\n"),
        ask("job", "running", job="j2", action="input", input="news\n", wait_s=0.2),
        ask("bash", "in-the-shell /tmp", command="echo $kept $PWD"),
        ask("bash", "one\ntwo\ngot news\n[", command="cat /workspace/a.txt /workspace/fed"),
        ask("job", "Killed", job="j2", action="kill"),
    ),
    "scoring": (
        ask("start"),
        SUBMISSION,
        ask("validate", "'points': 7.0", wait_s=50),
        ask("submit", "'points': 7.0", wait_s=50),
    ),
    "cutting off": (
        ask("start"),
        SUBMISSION,
        ask("cut_off", "'points': 7.0", why="exit_cost", wait_s=50),
        ask("score_best", "'points': 7.0", wait_s=50),
    ),
    "checkpoints": (
        ask("start"),
        ask("bash", "exit 0", command="head -c 400000 /dev/urandom > weights; cd /tmp; export kept=exported"),
        ask("checkpoint", "c1", wait_s=50),
        ask("bash", "exit 0", command="rm /workspace/weights"),
        ask("restore", "c1", checkpoint="c1", wait_s=50),
        ask("fork", "'state': 'open'", wait_s=50),
        ask("bash", "400000\nexported /tmp\n", command="stat -c %s /workspace/weights; echo $kept $PWD"),
    ),
    "ending": (
        ask("start"),
        ask("bash", "exit 0", command="setsid sleep 1000 &"),
        ask("end", "'state': 'ended'"),
    ),
    "taking over": (
        ask("start"),
        ask("bash", "exit 0", command="cd /tmp; kept=in-the-shell; echo x >> /workspace/log"),
        KILL,
        ask("bash", "in-the-shell /tmp", command="echo $kept $PWD"),
    ),
    "waiting": (
        ask("start", "'state': 'open'"),
        ask("start", "'state': 'waiting'", wait_s=0),
        ask("end", "'state': 'ended'", of=0),
        ask("status", "'state': 'open'", of=1),
        ask("bash", "a number", of=1, command="cat hint"),
    ),
    "GPUs": (
        ask("start", "'state': 'open'", gpus=1),
        ask("bash", "GPU-", command="echo $CUDA_VISIBLE_DEVICES"),
        ask("start", "'state': 'waiting'", gpus=1, wait_s=0),
        ask("end", "'state': 'ended'", of=0),
        ask("status", "'state': 'open'", of=1),
        ask("bash", "GPU-", of=1, command="echo $CUDA_VISIBLE_DEVICES"),
    ),
    "wishes": (
        ask("start", "'state': 'open'"),
        ask("bash", "exit 0", command="setsid sleep 1000 &"),
        WISH,
    ),
}


@dataclass(frozen=True)
class Point:
    """One point."""

    name: str
    chapter: str
    moment: Moment
    life: int = 1
    """Which of the servers is killed there."""
    backend: str = "bubblewrap"


def _points(chapter: str, *told: tuple[str, str, When, str | tuple[str, ...], int], life: int = 1) -> list[Point]:
    points = []
    for name, at, when, only, time in told:
        shown = (only,) if isinstance(only, str) else only
        points.append(Point(f"{chapter}: {name}", chapter, Moment(at, when, shown, time), life))
    return points


POINTS = [
    *_points(
        "opening",
        ("before a session is recorded", f"{STORE}.sessions:Sessions.add", "before", "", 1),
        ("after a session is recorded", f"{STORE}.sessions:Sessions.add", "after", "", 1),
        ("before a sandbox starts", f"{SANDBOX}.bubblewrap:BubblewrapBackend.start", "before", "", 1),
        ("a sandbox runs and nobody knows", f"{SANDBOX}.bubblewrap:launch", "after", "", 1),
        ("after a sandbox has started", f"{SANDBOX}.bubblewrap:BubblewrapBackend.start", "after", "", 1),
        ("half furnished", f"{SANDBOX}.guest:Guest.write", "after", "", 1),
        ("half of a file sent", f"{SANDBOX}.link:_Stream._send", "half sent", '"op":"append"', 1),
        ("before it is recorded as open", f"{STORE}.sessions:Sessions.save", "before", ("'open'", "'waiting'"), 1),
        ("after it is recorded as open", f"{STORE}.sessions:Sessions.save", "after", ("'open'", "'waiting'"), 1),
        ("at a sign of life", f"{STORE}.store:Store.beat", "after", "", 1),
    ),
    *_points(
        "work",
        ("before a command is recorded", f"{STORE}.events:Events.begin", "before", "echo x", 1),
        ("before that record is committed", f"{STORE}.events:Events.begin", "after", "echo x", 1),
        ("after that record is committed", f"{SESSIONS}.ledger:Ledger.accept", "after", "echo x", 1),
        ("half of a request sent", f"{SANDBOX}.link:_Stream._send", "half sent", "echo x", 1),
        ("half of a reply received", f"{SANDBOX}.frames:FrameReceiver._fill", "half received", r", \d{5}\)", 1),
        ("before a reply is recorded", f"{STORE}.events:Events.finish", "before", "xxxx", 1),
        ("after a reply is recorded", f"{STORE}.events:Events.finish", "after", "xxxx", 1),
        ("half of an edit sent", f"{SANDBOX}.link:_Stream._send", "half sent", '"op":"insert"', 1),
        ("an edit is made and not recorded", f"{SESSIONS}.session:edit", "after", "insert", 1),
        ("a job is fed and nobody knows", f"{SANDBOX}.guest:Guest.job_input", "after", "", 1),
        ("a job is killed and nobody knows", f"{SANDBOX}.guest:Guest.job_kill", "after", "", 1),
    ),
    *_points(
        "scoring",
        ("an artefact half fetched", f"{STORE}.artefacts:Artefacts.add", "half stored", "", 1),
        ("an artefact without its name", f"{STORE}.artefacts:keep", "before", "", 1),
        ("before an artefact is recorded", f"{STORE}.submissions:Submissions.add", "before", "", 1),
        ("after an artefact is recorded", f"{STORE}.submissions:Submissions.add", "after", "", 1),
        ("the judge is started", "mlgym_mcp.scoring.runner:Runner.start", "after", "'judge'", 1),
        ("the contestant is started", "mlgym_mcp.scoring.runner:Runner.start", "after", "'contestant'", 1),
        ("in the middle of the relay", "mlgym_mcp.scoring.runner:Runner.receive", "after", "", 3),
        ("before a score is recorded", f"{STORE}.scores:Scores.add", "before", "", 1),
        ("before a score is committed", f"{STORE}.scores:Scores.add", "after", "", 1),
        ("after a score is committed", f"{SESSIONS}.grading:Grader._recorded", "after", "", 1),
        ("half of a judge removed", f"{SANDBOX}.bubblewrap:_remove_folder", "before", "", 2),
        ("before a final score is committed", f"{STORE}.scores:Scores.add", "after", "phase='submit'", 1),
        ("after a final score is committed", f"{SESSIONS}.grading:Grader._recorded", "after", "'submit'", 1),
    ),
    *_points(
        "cutting off",
        ("before its end is recorded", f"{SESSIONS}.ledger:Ledger.close", "before", "", 1),
        ("before it is scored", f"{SESSIONS}.verdicts:Verdicts._score_submission", "before", "", 1),
        ("before its score is committed", f"{STORE}.scores:Scores.add", "after", "", 1),
        ("after its score is committed", f"{SESSIONS}.grading:Grader._recorded", "after", "", 1),
    ),
    *_points(
        "checkpoints",
        ("a workspace half stored", f"{STORE}.artefacts:Artefacts.add", "half stored", "", 1),
        ("before a checkpoint is recorded", f"{STORE}.checkpoints:Checkpoints.add", "before", "", 1),
        ("before a checkpoint is committed", f"{STORE}.checkpoints:Checkpoints.add", "after", "", 1),
        ("a restored sandbox is started", f"{SANDBOX}.bubblewrap:BubblewrapBackend.start", "after", "", 2),
        ("a restored sandbox is furnished", f"{SESSIONS}.lodging:furnish_from", "after", "", 1),
        ("before a move is committed", f"{STORE}.events:Events.finish", "after", '"name": "c1"', 2),
        ("after a move is committed", f"{SESSIONS}.lodging:Lodging.move", "after", "", 1),
        ("before a fork is recorded", f"{STORE}.sessions:Sessions.add", "before", "", 2),
        ("after a fork is recorded", f"{STORE}.sessions:Sessions.add", "after", "", 2),
        ("a fork is furnished", f"{SESSIONS}.lodging:furnish_from", "after", "", 2),
    ),
    *_points(
        "ending",
        ("before an end is recorded", f"{SESSIONS}.ledger:Ledger.close", "before", "", 1),
        ("before an end is committed", f"{SESSIONS}.ledger:Ledger.close", "after", "", 1),
        ("after an end is committed", f"{SESSIONS}.lodging:Lodging.forfeit", "after", "", 1),
        ("half of a sandbox removed", f"{SANDBOX}.bubblewrap:_remove_folder", "before", "", 2),
    ),
    *_points(
        "taking over",
        ("before a session is claimed", f"{STORE}.sessions:Sessions.claim", "before", "", 1),
        ("before a claim is committed", f"{STORE}.sessions:Sessions.claim", "after", "", 1),
        ("before its sandbox is found", f"{SESSIONS}.lodging:Lodging.resume", "before", "", 1),
        ("after its sandbox is found", f"{SESSIONS}.lodging:Lodging.resume", "after", "", 1),
        ("before the sweep removes a sandbox", f"{SANDBOX}.bubblewrap:BubblewrapBackend.remove", "before", "", 1),
        ("half of a sandbox swept away", f"{SANDBOX}.bubblewrap:_remove_folder", "before", "", 1),
        ("before the sweep removes a lock", f"{STORE}.instance:Instance.remove_stale", "before", "", 1),
        life=2,
    ),
    *_points(
        "waiting",
        ("a start waits", f"{SESSIONS}.capacity:Capacity._outlook", "after", "", 1),
        ("before a place is given back", f"{SESSIONS}.capacity:Capacity.give", "before", "", 1),
        ("after a place is given back", f"{SESSIONS}.capacity:Capacity.give", "after", "", 1),
        ("a place is taken and nobody knows", f"{SESSIONS}.lodging:Lodging._prepare", "after", "", 2),
        ("before what waited is open", f"{STORE}.sessions:Sessions.save", "before", ("'open'", "'waiting'"), 2),
    ),
    *_points(
        "GPUs",
        ("before a device is lent", f"{STORE}.gpu_leases:GpuLeases.take", "before", "", 1),
        ("after a device is lent", f"{STORE}.gpu_leases:GpuLeases.take", "after", "", 1),
        ("a start waits for a device", f"{SESSIONS}.gpu_leases:GpuLeases._outlook", "after", "", 1),
        ("before a device is given back", f"{STORE}.gpu_leases:GpuLeases.give", "before", "", 1),
        ("after a device is given back", f"{STORE}.gpu_leases:GpuLeases.give", "after", "", 1),
        ("before it is lent to the next", f"{STORE}.gpu_leases:GpuLeases.take", "before", "", 2),
        ("after it is lent to the next", f"{STORE}.gpu_leases:GpuLeases.take", "after", "", 2),
        ("a sandbox with it is started", f"{SANDBOX}.bubblewrap:BubblewrapBackend.start", "after", "", 2),
    ),
    *_points(
        "wishes",
        ("a wish is read and not obeyed", f"{SESSIONS}.lodging:Lodging.forfeit", "before", "", 1),
        ("before its end is committed", f"{SESSIONS}.ledger:Ledger.close", "after", "", 1),
        ("after its end is committed", f"{SESSIONS}.lodging:Lodging.forfeit", "after", "", 1),
    ),
]
"""All of them, on bubblewrap."""

DOCKER = {
    f"{SANDBOX}.bubblewrap:BubblewrapBackend": f"{SANDBOX}.docker_backend:DockerBackend",
    f"{SANDBOX}.bubblewrap:launch": f"{SANDBOX}.docker:DockerEngine.create",
    f"{SANDBOX}.bubblewrap:_remove_folder": f"{SANDBOX}.docker_backend:_remove_folder",
}
"""Where what bubblewrap's backend does is done in Docker's."""


def on_docker(point: Point) -> Point:
    """The same point where sandboxes are containers."""
    at = point.moment.at
    for ours, theirs in DOCKER.items():
        at = at.replace(ours, theirs)
    return replace(point, moment=replace(point.moment, at=at), backend="docker", name=f"docker, {point.name}")


POINTS += [
    # The devices are not there, and an engine would look for them.
    *(on_docker(point) for point in POINTS if point.chapter != "GPUs"),
    *map(
        on_docker, _points("opening", ("a disk is mounted and nobody knows", f"{SANDBOX}.disk:mount", "after", "", 1))
    ),
]

GATE = frozenset(
    {
        "opening: a sandbox runs and nobody knows",
        "opening: after it is recorded as open",
        "work: half of a request sent",
        "work: half of a reply received",
        "work: before a reply is recorded",
        "work: an edit is made and not recorded",
        "work: a job is fed and nobody knows",
        "scoring: an artefact half fetched",
        "scoring: in the middle of the relay",
        "scoring: before a final score is committed",
        "cutting off: before it is scored",
        "checkpoints: after a move is committed",
        "ending: before an end is committed",
        "taking over: before a claim is committed",
        "taking over: half of a sandbox swept away",
        "GPUs: before a device is given back",
        "docker, opening: a sandbox runs and nobody knows",
        "docker, work: a job is fed and nobody knows",
    }
)
"""Those that are tried in every run: one of each kind. What the others cut through, they cut through nearby."""
