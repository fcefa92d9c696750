"""House sales of Ames, Iowa, or drawn ones of the same form, split as the original split them."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
from houses import COLUMNS, draw_houses
from sklearn.model_selection import train_test_split

SALES = 1460
SPLIT_SEED = 42
VALIDATE_OF_TEN = 3

Row = list[str]

README = """\
train.csv              {train} sales, 81 columns: Id, 79 features, SalePrice
validation.csv         {validation} sales, the same columns
test.csv               {test} sales without SalePrice
sample_submission.csv  the form of a submission: Id, SalePrice, one row for each sale of test.csv
{origin}

An empty cell and NA both stand for a value that is missing; in the columns that begin with Alley, Bsmt, FireplaceQu,
Garage, PoolQC, Fence and MiscFeature it mostly means that the house has no such thing.
Areas are in square feet, lengths in feet, prices and MiscVal in dollars. Qual, Qu, QC and Cond in letters are
Ex excellent, Gd good, TA typical, Fa fair, Po poor; OverallQual and OverallCond go from 1 to 10.
MSSubClass is a code of the kind of dwelling, not a quantity. YrSold and MoSold say when the house was sold.
"""
ORIGIN = {
    "full": "Origin: the Ames housing data as Kaggle's train.csv has it, from OpenML.",
    "sample": "Origin: sales drawn by a program, for trying things out. They only resemble the Ames housing data.",
}


def prepare(flavour: str, sources: Path, out: Path, seed: int) -> None:
    """Write public/ and hidden/; `seed` draws the hidden split, and the sales of the sample."""
    rng = np.random.default_rng(seed)
    sales = read_sales(sources / "house_prices.arff") if flavour == "full" else draw_houses(SALES, rng)
    # Unlike the hidden split, which sales are tested on is public: the original's own split.
    rest, test = train_test_split(sales, test_size=0.2, random_state=SPLIT_SEED)
    train, validation = train_test_split(rest, test_size=0.125, random_state=SPLIT_SEED)
    public = out / "public"
    _write(public / "train.csv", [COLUMNS, *train])
    _write(public / "validation.csv", [COLUMNS, *validation])
    _write(public / "test.csv", [row[:-1] for row in [COLUMNS, *test]])
    _write(public / "sample_submission.csv", [["Id", "SalePrice"], *([row[0], "180000"] for row in test)])
    sizes = {"train": len(train), "validation": len(validation), "test": len(test)}
    (public / "README").write_text(README.format(**sizes, origin=ORIGIN[flavour]), encoding="utf-8")
    _write_answers(out / "hidden/answers.csv", test, rng)


def read_sales(path: Path) -> list[Row]:
    """The rows of OpenML's file as Kaggle's train.csv has them: NA for what is missing, no `.0` at whole numbers."""
    with path.open(encoding="utf-8", newline="") as file:
        names = [line.split()[1] for line in iter(file.readline, "@DATA\n") if line.startswith("@ATTRIBUTE")]
        sales = [[_as_kaggle(cell) for cell in row] for row in csv.reader(file, quotechar="'")]
    if names != COLUMNS or len(sales) != SALES or any(len(row) != len(COLUMNS) for row in sales):
        raise ValueError(f"{path.name} is not OpenML's: {len(names)} columns and {len(sales)} rows")
    return sales


def _as_kaggle(cell: str) -> str:
    return "NA" if cell == "?" else cell.removesuffix(".0")


def _write_answers(path: Path, test: list[Row], rng: np.random.Generator) -> None:
    """One row for each sale: its price, and which of validate and submit it counts for, dear and cheap ones alike."""
    parts = np.full(len(test), "submit", dtype=object)
    by_price = np.argsort([float(row[-1]) for row in test], kind="stable")
    for start in range(0, len(test), 10):
        block = by_price[start : start + 10]
        parts[rng.permutation(block)[: round(VALIDATE_OF_TEN * len(block) / 10)]] = "validate"
    _write(path, [["Id", "SalePrice", "part"], *([row[0], row[-1], part] for row, part in zip(test, parts))])


def _write(path: Path, rows: list[Row]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(rows)
