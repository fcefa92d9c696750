"""What submissions that are tables may try: each is scored for what it says, or told what is wrong with it."""

import io
import tarfile
from pathlib import Path
from typing import Any

import pytest

from mlgym_mcp.tasks.spec import TaskSpec
from tests.gateway import Gateway, open_gateway, text
from tests.runners.stage import open_stage, pack

TASKS = Path(__file__).parents[2] / "tasks"
HOUSES = TaskSpec.load(TASKS / "regression-house-price-v1")
GARMENTS = TaskSpec.load(TASKS / "image-classification-fmnist-v1")
THINGS = TaskSpec.load(TASKS / "image-classification-cifar10-v1")
LABELS = "label\n1\n2\n3\n5\n"
LABEL_ANSWERS = "label,part\n1,validate\n2,validate\n3,submit\n5,submit\n"
ANSWERS = {
    HOUSES.id: "Id,SalePrice,part\n1,100,validate\n2,200,validate\n3,300,submit\n4,500,submit\n",
    GARMENTS.id: LABEL_ANSWERS,
    THINGS.id: LABEL_ANSWERS,
}
HONEST = {HOUSES.id: "Id,SalePrice\n1,100\n2,200\n3,300\n4,500\n", GARMENTS.id: LABELS, THINGS.id: LABELS}
TABLES = pytest.mark.parametrize("task", [HOUSES, GARMENTS, THINGS], ids=[HOUSES.id, GARMENTS.id, THINGS.id])


def graded(task: TaskSpec, root: Path, artefact: bytes) -> dict[str, Any]:
    hidden = {"answers.csv": ANSWERS[task.id]}
    with open_stage(root, grader=task.grader.read_text(), artefact=artefact, hidden=hidden) as stage:
        return stage.grade()


def graded_table(task: TaskSpec, root: Path, table: str | bytes) -> dict[str, Any]:
    return graded(task, root, pack({"submission.csv": table}))


def tar_of(*members: tuple[tarfile.TarInfo, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for member, content in members:
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def special(kind: bytes, target: str = "") -> tarfile.TarInfo:
    member = tarfile.TarInfo("submission.csv")
    member.type, member.linkname = kind, target
    return member


def last_value(task: TaskSpec, value: str) -> str:
    header_and_rows = HONEST[task.id].splitlines()[:-1]
    return "\n".join([*header_and_rows, f"4,{value}" if task is HOUSES else value]) + "\n"


@TABLES
@pytest.mark.parametrize(
    "value", ["nan", "NaN", "inf", "-Infinity", "1e400", "=SUM(A1:A9)", "0x5", "５", "5 5", "\x00"]
)
def test_what_is_no_plain_number_is_refused_even_in_rows_that_do_not_count(
    tmp_path: Path, task: TaskSpec, value: str
) -> None:
    verdict = graded_table(task, tmp_path, last_value(task, value))
    assert verdict["outcome"] == "submission_fault" and verdict["code"] in ("bad_value", "unreadable")


@TABLES
def test_a_missing_or_an_extra_row_is_refused(tmp_path: Path, task: TaskSpec) -> None:
    lines = HONEST[task.id].splitlines(keepends=True)
    for name, rows in {"missing": lines[:-1], "extra": [*lines, lines[-1]]}.items():
        verdict = graded_table(task, tmp_path / name, "".join(rows))
        assert (verdict["outcome"], verdict["code"]) == ("submission_fault", "wrong_rows")


@TABLES
@pytest.mark.parametrize("size", [1_000, 1_000_000])
def test_a_huge_cell_is_a_short_fault(tmp_path: Path, task: TaskSpec, size: int) -> None:
    verdict = graded_table(task, tmp_path, last_value(task, "9" * size))
    assert verdict["outcome"] == "submission_fault" and len(verdict["message"]) <= 500


@TABLES
def test_a_byte_order_mark_does_no_harm(tmp_path: Path, task: TaskSpec) -> None:
    assert graded_table(task, tmp_path, HONEST[task.id].encode("utf-8-sig"))["outcome"] == "scored"


@TABLES
@pytest.mark.parametrize("encoding", ["utf-16", "utf-32"])
def test_other_encodings_are_refused(tmp_path: Path, task: TaskSpec, encoding: str) -> None:
    verdict = graded_table(task, tmp_path, HONEST[task.id].encode(encoding))
    assert (verdict["outcome"], verdict["code"]) == ("submission_fault", "unreadable")


@TABLES
@pytest.mark.parametrize(
    "member",
    [
        special(tarfile.SYMTYPE, "../../hidden/answers.csv"),
        special(tarfile.LNKTYPE, "../../hidden/answers.csv"),
        special(tarfile.FIFOTYPE),
        special(tarfile.CHRTYPE),
    ],
    ids=["symlink", "hardlink", "fifo", "device"],
)
def test_what_is_no_regular_file_is_refused(tmp_path: Path, task: TaskSpec, member: tarfile.TarInfo) -> None:
    verdict = graded(task, tmp_path, tar_of((member, b"")))
    assert (verdict["outcome"], verdict["code"]) == ("submission_fault", "bad_archive")


@TABLES
def test_a_tar_reaches_neither_the_grader_nor_a_file_twice(tmp_path: Path, task: TaskSpec) -> None:
    honest = HONEST[task.id].encode()
    twice = tar_of((tarfile.TarInfo("submission.csv"), honest), (tarfile.TarInfo("submission.csv"), honest))
    outside = tar_of((tarfile.TarInfo("../../grader/grader.py"), b"raise SystemExit"))
    for name, artefact in {"twice": twice, "outside": outside, "cut": pack({"submission.csv": honest})[:600]}.items():
        verdict = graded(task, tmp_path / name, artefact)
        assert (verdict["outcome"], verdict["code"]) == ("submission_fault", "bad_archive"), name


async def refused(gateway: Gateway, session: str, command: str) -> str:
    await gateway.bash(session, f"rm -rf submission.csv; {command}")
    result = await gateway.client.call_tool("validate", {"session": session, "wait_s": 50})
    facts = result.structured_content or {}
    assert facts.get("outcome") != "scored", facts
    return text(result)


@pytest.mark.slow
async def test_links_and_pipes_are_refused_over_a_real_sandbox_and_the_session_goes_on(
    tmp_path: Path, cache_dir: Path
) -> None:
    async with open_gateway(tmp_path, cache_dir) as gateway:
        session = await gateway.start(HOUSES.id, flavour="sample")
        for command in (
            "ln -s /data/sample_submission.csv submission.csv",
            "mkfifo submission.csv",
            "mkdir submission.csv",
        ):
            assert "submission.csv" in await refused(gateway, session, command), command
        await gateway.bash(session, "rm -rf submission.csv; cp /data/sample_submission.csv submission.csv")
        assert (await gateway.score("validate", session))["outcome"] == "scored"


@pytest.mark.slow
async def test_a_file_that_is_exchanged_all_the_time_is_scored_as_one_of_what_it_was(
    tmp_path: Path, cache_dir: Path
) -> None:
    async with open_gateway(tmp_path, cache_dir) as gateway:
        session = await gateway.start(HOUSES.id, flavour="sample")
        await gateway.bash(session, "cp /data/sample_submission.csv dear; sed s/180000/120000/ dear >cheap")
        whole = []
        for name in ("dear", "cheap"):
            await gateway.bash(session, f"cp {name} submission.csv")
            whole.append((await gateway.score("validate", session))["scores"])
        writer = "while :; do for name in dear cheap; do cp $name next && mv next submission.csv; done; done"
        await gateway.bash(session, f"setsid sh -c '{writer}' >log 2>&1 &")
        raced = (await gateway.score("validate", session))["scores"]
    assert whole[0] != whole[1] and raced in whole
