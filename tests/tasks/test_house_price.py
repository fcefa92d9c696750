"""House prices: sales are matched by Id, each phase counts its own, and what is wrong with a file is told precisely."""

import math
from pathlib import Path
from typing import Any

import pytest

from mlgym_mcp.tasks.spec import TaskSpec
from tests.runners.stage import open_stage, pack
from tests.tasks.models import interpreter_of, run_program

TASK = TaskSpec.load(Path(__file__).parents[2] / "tasks/regression-house-price-v1")
ANSWERS = "Id,SalePrice,part\n7,100,validate\n3,200,submit\n9,400,submit\n1,300,validate\n4,600,submit\n"
RIGHT = {"7": "100", "3": "200", "9": "400", "1": "300", "4": "600"}

WRITE_AND_READ = r"""
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
import numpy as np
from data import read_sales
from houses import COLUMNS, draw_houses

sales = draw_houses(int(sys.argv[3]), np.random.default_rng(1))
as_openml = {"NA": "?", "Wd Sdng": "'Wd Sdng'"}
sales[0][COLUMNS.index("Exterior1st")] = "Wd Sdng"
with open(sys.argv[2], "w") as file:
    file.write("% what it is about\n@RELATION house_prices\n\n")
    file.writelines(f"@ATTRIBUTE {name} STRING\n" for name in COLUMNS)
    file.write("\n@DATA\n")
    for row in sales:
        cells = [as_openml.get(cell, cell) for cell in row]
        cells[COLUMNS.index("LotArea")] += ".0"
        file.write(",".join(cells) + "\n")
try:
    print(read_sales(Path(sys.argv[2])) == sales)
except ValueError as error:
    print(error)
"""


def table(**changed: str) -> str:
    return "Id,SalePrice\n" + "".join(f"{key},{changed.get(f'of_{key}', price)}\n" for key, price in RIGHT.items())


def graded(root: Path, submission: str | None, *, phase: str = "validate", seed: int = 1) -> dict[str, Any]:
    artefact = pack({} if submission is None else {"submission.csv": submission})
    with open_stage(root, grader=TASK.grader.read_text(), artefact=artefact, hidden={"answers.csv": ANSWERS}) as stage:
        return stage.grade(phase=phase, seed=seed)


@pytest.mark.parametrize(
    ("phase", "r2", "rmse"),
    [
        ("validate", 1 - 5000 / 20000, math.sqrt(5000 / 2)),
        ("submit", 1 - 5000 / 80000, math.sqrt(5000 / 3)),
        ("upstream", 1 - 10000 / 148000, math.sqrt(10000 / 5)),
    ],
)
def test_each_phase_counts_its_own_sales(tmp_path: Path, phase: str, r2: float, rmse: float) -> None:
    verdict = graded(tmp_path, table(of_7="150", of_1="350", of_3="250", of_9="350"), phase=phase)
    assert verdict["scores"] == pytest.approx({"r2": r2, "rmse": rmse})
    assert verdict["standard_error"]["rmse"] >= 0 and verdict["standard_error"].keys() == {"r2", "rmse"}


def test_rows_are_matched_by_id_in_any_order(tmp_path: Path) -> None:
    header, *rows = table().splitlines()
    verdict = graded(tmp_path, "\n".join([header, *reversed(rows)]), phase="upstream")
    assert verdict["scores"] == {"r2": 1.0, "rmse": 0.0}


def test_columns_stand_in_any_order_among_others(tmp_path: Path) -> None:
    rows = "".join(f"x, {price} ,{key}\r\n" for key, price in RIGHT.items())
    assert graded(tmp_path, "note,SalePrice,Id\r\n" + rows)["scores"] == {"r2": 1.0, "rmse": 0.0}


def test_the_standard_error_is_that_of_the_seed(tmp_path: Path) -> None:
    guesses = table(of_3="250", of_9="350", of_4="590")
    errors = [
        graded(tmp_path / str(run), guesses, phase="submit", seed=seed)["standard_error"]
        for run, seed in enumerate([1, 1, 2])
    ]
    assert errors[0] == errors[1] != errors[2]


@pytest.mark.parametrize(
    ("submission", "code", "message"),
    [
        (None, "missing_file", "the submission has no file submission.csv"),
        (
            table().replace("SaleP", "P"),
            "missing_column",
            "submission.csv has no column 'SalePrice'; its header line has 'Id', 'Price'",
        ),
        (table().replace("Id", "id"), "missing_column", "submission.csv has no column 'Id'"),
        (table() + "8,100\n", "wrong_rows", "submission.csv has more than the 5 rows expected after its header line"),
        (table().replace("4,600\n", ""), "wrong_rows", "submission.csv has 4 rows after its header line"),
        (table().replace("4,600", "7,600"), "duplicate_key", "submission.csv, row 5: Id '7' stands there twice"),
        (table().replace("4,600", "04,600"), "unknown_key", "row 5: Id '04' is not one of the expected ones"),
        (table(of_9="nan"), "bad_value", "submission.csv, Id 9: 'nan' is not a finite number"),
        (table(of_9="-inf"), "bad_value", "submission.csv, Id 9: '-inf' is not a finite number"),
        (table(of_9="1e999"), "bad_value", "submission.csv, Id 9: '1e999' is not a finite number"),
        (table(of_9="1e300"), "bad_value", "submission.csv, Id 9: 1e300 is more than a thousand million dollars"),
        (table(of_9="1_0"), "bad_value", "submission.csv, Id 9: '1_0' is not a finite number"),
        (table(of_9="٣"), "bad_value", "submission.csv, Id 9: '٣' is not a finite number"),
        (table(of_9="=1+1"), "bad_value", "submission.csv, Id 9: '=1+1' is not a finite number"),
        (table(of_9=""), "bad_value", "submission.csv, Id 9: '' is not a finite number"),
        (table(of_9="$400"), "bad_value", "submission.csv, Id 9: '$400' is not a finite number"),
    ],
)
def test_a_file_that_is_wrong_is_a_precise_fault(
    tmp_path: Path, submission: str | None, code: str, message: str
) -> None:
    verdict = graded(tmp_path, submission)
    assert (verdict["outcome"], verdict["code"]) == ("submission_fault", code)
    assert message in verdict["message"]


@pytest.mark.slow
@pytest.mark.parametrize(("sales", "read"), [(1460, "True"), (1459, "is not OpenML's: 81 columns and 1459 rows")])
def test_openmls_file_reads_as_kaggles(tmp_path: Path, cache_dir: Path, sales: int, read: str) -> None:
    python = interpreter_of("base", cache_dir)
    printed = run_program(python, WRITE_AND_READ, str(TASK.folder), str(tmp_path / "house_prices.arff"), str(sales))
    assert read in printed
