"""What graders are written against: measures, and faults that say what to mend."""

import math
from array import array
from pathlib import Path

import judging
import pytest
from judging import Fault, Measure
from wire import Array


def test_a_proportion_has_the_binomial_standard_error() -> None:
    assert judging.proportion(75, 100) == Measure(0.75, math.sqrt(0.75 * 0.25 / 100))
    assert judging.proportion(5, 5) == Measure(1.0, 0.0)


def test_a_mean_has_the_standard_error_of_a_sample() -> None:
    assert judging.mean([1.0, 2.0, 3.0, 4.0]) == Measure(2.5, math.sqrt((5 / 3) / 4))
    assert judging.mean([7.0]) == Measure(7.0, None)


def test_a_column_is_read_by_name_without_blanks_blank_lines_or_byte_order_mark(tmp_path: Path) -> None:
    path = tmp_path / "s.csv"
    path.write_bytes(b'\xef\xbb\xbfid, label\r\n1,"3"\r\n2, 4 \r\n\r\n')
    assert judging.read_column(path, "label", rows=2) == ["3", "4"]


@pytest.mark.parametrize(
    ("content", "code", "message"),
    [
        (b"", "missing_column", "s.csv has no column 'label'; its header line has nothing"),
        (b"Label\n1\n2\n", "missing_column", "s.csv has no column 'label'; its header line has 'Label'"),
        (b"label\n1\n", "wrong_rows", "s.csv has 1 rows after its header line; 2 are expected"),
        (b"label\n1\n2\n3\n", "wrong_rows", "s.csv has more than the 2 rows expected after its header line"),
        (b"id,label\n1,1\n2\n", "bad_row", "s.csv, row 2: it has only 1 columns"),
        (b"label\n\xff\n2\n", "unreadable", "s.csv can't be read as CSV in UTF-8"),
        (b'label\n"1\n2\n', "unreadable", "s.csv can't be read as CSV in UTF-8"),
        (b"label\n" + b"1" * 200_000 + b"\n2\n", "unreadable", "field larger than field limit"),
    ],
)
def test_a_column_that_is_not_as_expected_is_a_precise_fault(
    tmp_path: Path, content: bytes, code: str, message: str
) -> None:
    path = tmp_path / "s.csv"
    path.write_bytes(content)
    with pytest.raises(Fault) as raised:
        judging.read_column(path, "label", rows=2)
    assert raised.value.code == code
    assert message in raised.value.message


def test_a_file_that_is_absent_or_a_folder_is_a_fault(tmp_path: Path) -> None:
    with pytest.raises(Fault, match=r"the submission has no file s\.csv"):
        judging.read_column(tmp_path / "s.csv", "label", rows=2)
    with pytest.raises(Fault, match="can't be read"):
        judging.read_column(tmp_path, "label", rows=2)


def test_choices_are_checked_one_by_one() -> None:
    assert judging.choices([Array.of(array("q", [0, 1]))], count=2, allowed=range(2), what="move") == [0, 1]
    with pytest.raises(Fault, match="move 2 is 7; 0 to 1 are allowed"):
        judging.choices([Array.of(array("q", [0, 7]))], count=2, allowed=range(2), what="move")


@pytest.mark.parametrize("answer", [[], [Array.of(array("d", [0, 1]))], [Array.of(array("q", [0]))]])
def test_choices_of_another_form_are_a_fault(answer: list[Array]) -> None:
    with pytest.raises(Fault, match="not one int64 array of 2 numbers"):
        judging.choices(answer, count=2, allowed=range(2), what="move")


def test_a_fault_is_never_longer_than_a_verdict_may_be() -> None:
    assert len(Fault("code", "x" * 10_000).message) == judging.MAX_MESSAGE


def test_a_bootstrap_of_a_mean_comes_near_the_standard_error_of_the_mean() -> None:
    values = [float(value % 17) for value in range(200)]
    measure = judging.bootstrap(lambda rows: sum(rows) / len(rows), values, seed=3)
    known = judging.mean(values)
    assert measure.value == pytest.approx(known.value)
    assert measure.standard_error == pytest.approx(known.standard_error, rel=0.15)
    assert measure == judging.bootstrap(lambda rows: sum(rows) / len(rows), values, seed=3)


def test_a_bootstrap_leaves_out_what_is_not_a_number() -> None:
    assert judging.bootstrap(lambda rows: 2.0 if rows == [7.0] else math.nan, [7.0], seed=1) == Measure(2.0, 0.0)
    measure = judging.bootstrap(lambda rows: math.nan, [1.0, 2.0], seed=1)
    assert math.isnan(measure.value) and measure.standard_error is None


@pytest.mark.parametrize(("text", "number"), [("3", 3.0), ("-0.5", -0.5), ("+.5", 0.5), ("2.", 2.0), ("1e3", 1000.0)])
def test_plain_numbers_are_read(text: str, number: float) -> None:
    assert judging.finite_number(text, where="here") == number


@pytest.mark.parametrize("text", ["", "nan", "inf", "1e999", "1_0", "0x1", "\u0663", "1,5", "3 ", "9" * 401])
def test_what_is_not_a_finite_number_is_a_fault(text: str) -> None:
    with pytest.raises(Fault, match="^here: .* is not a finite number$"):
        judging.finite_number(text, where="here")


def test_a_column_is_matched_by_another(tmp_path: Path) -> None:
    path = tmp_path / "s.csv"
    path.write_text("value,id\nx,2\ny,1\n")
    assert judging.read_matched(path, "id", "value", expected=["1", "2"]) == {"2": "x", "1": "y"}


@pytest.mark.parametrize(
    ("rows", "code"), [("1,x\n1,y\n", "duplicate_key"), ("1,x\n3,y\n", "unknown_key"), ("1,x\n", "wrong_rows")]
)
def test_keys_that_do_not_match_are_a_fault(tmp_path: Path, rows: str, code: str) -> None:
    path = tmp_path / "s.csv"
    path.write_text("id,value\n" + rows)
    with pytest.raises(Fault) as raised:
        judging.read_matched(path, "id", "value", expected=["1", "2"])
    assert raised.value.code == code
