"""`results`: scores are listed, and come out again when their artefact is scored again."""

import io
import json
import shutil
import sys
import tarfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import pytest
from anyio import to_thread

from mlgym_mcp.scoring.score import Score
from mlgym_mcp.store import Store
from tests.cli.terminal import folders, printed, ran, refused
from tests.fakes import TASK, write_task
from tests.gateway import open_gateway
from tests.processes import environment
from tests.records import row, score

SEXES = "battle-of-the-sexes-v1"
STRATEGY = "def row_strategy(history):\n    return 0\n"
LIMIT = 120
"""Seconds for everything a test waits for; far more than it takes."""


def scored(store: Store, name: str, artefact: str, **changes: Any) -> None:
    """A session whose submission scored."""
    if store.sessions.get(name) is None:
        store.sessions.add(row(store, name, submission=artefact, state="submitted"))
    kept = store.submissions.add(name, "submit", artefact, size=3, at=3.0)
    store.scores.add(kept.id, score(artefact=artefact, **changes), at=4.0)


def test_results_of_one_protocol_and_one_flavour_are_ranked_by_themselves(tmp_path: Path) -> None:
    write_task(tmp_path / "tasks")
    kinds = [(flavour, protocol) for flavour in ("full", "sample") for protocol in ("strict", "mlgym")]
    with Store.open(tmp_path / "data") as store:
        for flavour, protocol in kinds:
            name = f"{flavour}-{protocol}"
            scored(store, name, name, flavour=flavour, protocol=protocol, reward=0.1)
    for flavour, protocol in kinds:
        chosen = ("--protocol", protocol, *(("--sample",) if flavour == "sample" else ()))
        [_, line] = printed("results", "list", TASK, *chosen, *folders(tmp_path)).splitlines()
        assert line.split()[:2] == ["1", f"{flavour}-{protocol}"[:12]]


def test_results_are_listed_with_what_stands_beside_published_ones(tmp_path: Path) -> None:
    write_task(tmp_path / "tasks")
    with Store.open(tmp_path / "data") as store:
        scored(store, "s1", "a1", standard_error={"accuracy": 0.012}, upstream_scores={"accuracy": 0.75}, reward=0.1)
    [head, line] = printed("results", "list", TASK, "--sample", *folders(tmp_path)).splitlines()
    assert head.split()[:4] == ["artefact", "accuracy", "±", "reward"]
    assert line.split()[:6] == ["1", "a1", "0.3", "0.012", "+0.100", "0.75"]


def test_a_result_is_shown_whole_and_one_of_several_has_to_be_named(tmp_path: Path) -> None:
    with Store.open(tmp_path / "data") as store:
        scored(store, "s1", "abc1")
        scored(store, "s2", "abc2", reward=0.25)
    data = ("--data-dir", str(tmp_path / "data"))
    assert '"reward": 0.25' in printed("results", "show", TASK, "abc2", *data)
    assert "abc1, abc2" in refused("results", "show", TASK, "abc", *data)
    assert "no submission to toy-v1" in refused("results", "show", TASK, "f", *data)


def test_what_a_submission_raised_does_not_act_on_the_terminal_that_shows_it(tmp_path: Path) -> None:
    raised = "\x1b]0;owned\x07 \x9b2J \u202egnp \u200bé"
    with Store.open(tmp_path / "data") as store:
        scored(store, "s1", "abc1", outcome="submission_fault", fault_message=raised)
    shown = printed("results", "show", TASK, "abc1", "--data-dir", str(tmp_path / "data"))
    assert shown.isascii() and "\x1b" not in shown
    assert json.loads(shown)["fault_message"] == raised


def test_an_artefact_is_unpacked_into_a_new_folder(tmp_path: Path) -> None:
    with Store.open(tmp_path / "data"):
        for name in ("abc1", "abc2"):
            with tarfile.open(tmp_path / f"data/artefacts/{name}.tar", "w") as tar:
                member = tarfile.TarInfo("deep/strategy.py")
                member.size = len(STRATEGY)
                tar.addfile(member, io.BytesIO(STRATEGY.encode()))
    options = ("--to", str(tmp_path / "out"), "--data-dir", str(tmp_path / "data"))
    assert "abc1, abc2" in refused("results", "artefact", "abc", *options)
    assert "no artefact's name begins with 'f'" in refused("results", "artefact", "f", *options)
    assert "abc1: 1 file in" in printed("results", "artefact", "abc1", *options)
    assert (tmp_path / "out/deep/strategy.py").read_text() == STRATEGY


async def attempted(root: Path, cache_dir: Path, strategy: str) -> None:
    """A session that validates and submits a strategy, for real."""
    async with open_gateway(root / "data", cache_dir) as gateway:
        session = await gateway.start(SEXES)
        await gateway.create(session, "strategy.py", strategy)
        await gateway.score("validate", session)
        await gateway.score("submit", session)


async def rescored(root: Path, cache_dir: Path, *options: str, code: int = 0) -> list[str]:
    """What the command says of the one artefact of a data folder, line by line."""
    (root / "tasks").mkdir(exist_ok=True)
    with Store.open(root / "data") as store:
        [artefact] = store.artefacts.named("")
    arguments = ("results", "rescore", artefact.sha256[:10], "--sandbox", "bubblewrap", *options, *folders(root))
    with anyio.fail_after(LIMIT):
        ended = await to_thread.run_sync(partial(ran, *arguments, MLGYM_MCP_CACHE_DIR=str(cache_dir)))
    assert ended.exit_code == code, (ended.output, ended.exception)
    return [" ".join(line.split()) for line in ended.output.splitlines()]


async def test_a_real_score_comes_out_again_to_the_last_digit(tmp_path: Path, cache_dir: Path) -> None:
    await attempted(tmp_path, cache_dir, STRATEGY)
    submitted = await rescored(tmp_path, cache_dir)
    validated = await rescored(tmp_path, cache_dir, "--phase", "validate")
    assert submitted[-1] == validated[-1] == "equal"
    figures = {" ".join(words[:-2]): tuple(words[-2:]) for words in map(str.split, submitted)}
    assert figures["outcome"] == ("scored", "scored")
    for name in ("score", "score on all of the original's examples", "reward"):
        assert figures[name][0] == figures[name][1]
    with Store.open(tmp_path / "data") as store:
        [found] = store.sessions.list()
        assert [one.phase for one in store.submissions.list(found.id)] == ["validate", "submit"]


def rewrite(root: Path, change: Callable[[Score], Score]) -> None:
    """Change what is recorded of every score."""
    with Store.open(root / "data") as store:
        for kept in store.scores.of_session(store.sessions.list()[0].id):
            changed = change(kept.score)
            values = {"score": changed.model_dump_json(), "outcome": changed.outcome, "at": kept.at}
            store.database.change("UPDATE scores SET score = :score, outcome = :outcome WHERE at = :at", values)


@pytest.mark.parametrize(
    ("errors", "code", "said"), [(2.0, 0, "within three standard errors"), (6.0, 1, "differs")], ids=["near", "far"]
)
async def test_a_score_that_comes_out_elsewhere_is_judged_by_its_errors(
    tmp_path: Path, cache_dir: Path, errors: float, code: int, said: str
) -> None:
    def move(kept: Score) -> Score:
        moved = {"score": kept.scores["score"] + errors * kept.standard_error["score"]}
        return kept.model_copy(update={"scores": moved})

    await attempted(tmp_path, cache_dir, STRATEGY)
    rewrite(tmp_path, move)
    assert (await rescored(tmp_path, cache_dir, code=code))[-1] == said


async def test_what_has_changed_since_the_score_was_recorded_is_told(tmp_path: Path, cache_dir: Path) -> None:
    await attempted(tmp_path, cache_dir, STRATEGY)
    rewrite(tmp_path, lambda kept: kept.model_copy(update={"grader_hash": "0" * 64, "environment": "elsewhere"}))
    said = await rescored(tmp_path, cache_dir)
    assert said[-3:] == [
        "not as it was when the score was recorded: its grader",
        "not as it was when the score was recorded: the environment",
        "equal",
    ]


async def test_a_held_submission_is_released_by_its_score(tmp_path: Path, cache_dir: Path) -> None:
    await attempted(tmp_path, cache_dir, STRATEGY)
    with Store.open(tmp_path / "data") as store:
        [found] = store.sessions.list()
        kept = store.scores.of_session(found.id, "submit")[0]
        store.scores.add(store.submissions.list(found.id)[-1].id, kept.score, at=kept.at + 1)
    rewrite(tmp_path, lambda kept: kept.model_copy(update={"outcome": "infrastructure_fault", "scores": {}}))
    assert (await rescored(tmp_path, cache_dir))[-1] == "released: this is the session's submit score now"
    with Store.open(tmp_path / "data") as store:
        score = store.scores.settled(found.id, "submit", found.submission or "")
        assert score is not None and score.outcome == "scored" and score.upstream_scores is not None


async def test_a_rescoring_that_fails_is_no_verdict(tmp_path: Path, cache_dir: Path) -> None:
    await attempted(tmp_path, cache_dir, STRATEGY)
    shutil.copytree(Path(__file__).parents[2] / "tasks" / SEXES, tmp_path / "tasks" / SEXES)
    (tmp_path / "tasks" / SEXES / "grader.py").write_text("def grade(case): raise RuntimeError('a bug of ours')")
    command = [sys.executable, "-m", "mlgym_mcp", "results", "rescore", "", "--tasks-dir", str(tmp_path / "tasks")]
    with anyio.fail_after(LIMIT):
        ended = await anyio.run_process(command, env=environment(tmp_path, cache_dir), check=False)
    said = ended.stdout.decode()
    assert ended.returncode == 1
    assert "was recorded: its grader" in said and "equal" not in said and "differs" not in said
    assert "a bug of ours" in ended.stderr.decode() and "through no fault of its own" in ended.stderr.decode()


@pytest.mark.parametrize(("artefact", "said"), [("abc", "abc1"), ("f", "'f' was ever scored")], ids=["several", "none"])
def test_which_artefact_to_score_again_has_to_be_clear(tmp_path: Path, artefact: str, said: str) -> None:
    with Store.open(tmp_path / "data") as store:
        scored(store, "s1", "abc1")
        scored(store, "s2", "abc2")
    assert said in refused("results", "rescore", artefact, "--sandbox", "bubblewrap", *folders(tmp_path))
