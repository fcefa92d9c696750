"""Captions: BLEU as computed by hand, what a file of captions may hold, and which of COCO's images are taken."""

import json
import math
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from mlgym_mcp.tasks.spec import TaskSpec
from tests.tasks.models import judged, prepare_sample, run_program, torch_python

TASK = TaskSpec.load(Path(__file__).parents[2] / "tasks/image-captioning-coco-v1")
REFERENCES = [
    (1, ["A red ball lies on the grass.", "A ball on green grass"], "validate"),
    (2, ["The dog runs in the snow", "Dogs."], "validate"),
    (3, ["Two kites fly over the sea, today"], "submit"),
    (4, ["a green box"], "submit"),
]
CAPTIONS = ["a red ball on the grass", "The, the... the dog runs in snow!", "two kites fly over", "zebra"]
BY_ID = {str(number): caption for number, caption in enumerate(CAPTIONS, start=1)}
# Phase → how many sequences of one to four words are right, of how many; then the captions' and references' length.
COUNTS = {
    "validate": ([12, 8, 4, 1], [13, 11, 9, 7], 13, 11),
    "submit": ([4, 3, 2, 1], [5, 3, 2, 1], 5, 10),
    "upstream": ([16, 11, 6, 2], [18, 14, 11, 8], 18, 21),
}
PREPARE_FULL = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
import coco
from data import prepare
coco.TRAIN, coco.HELD_OUT = 2, int(sys.argv[4])
for part in ("public", "hidden"):
    (Path(sys.argv[3]) / part).mkdir(parents=True)
prepare("full", Path(sys.argv[2]), Path(sys.argv[3]), 1)
"""
DRAW = """
import hashlib, sys
sys.path.insert(0, sys.argv[1])
import numpy as np
from scenes import draw_scene
for seed in sys.argv[2:]:
    rng = np.random.default_rng(int(seed))
    print(hashlib.sha256(repr([draw_scene(rng) for _ in range(5)]).encode()).hexdigest())
"""


@pytest.fixture(scope="module")
def python(cache_dir: Path) -> str:
    return torch_python(cache_dir)


@pytest.fixture(scope="module")
def sample(python: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return prepare_sample(python, TASK, tmp_path_factory.mktemp("coco") / "sample")


def table(captions: Mapping[str, str] = BY_ID, **changed: str) -> str:
    rows = {**captions, **{key.removeprefix("of_"): text for key, text in changed.items()}}
    return "image_id,caption\n" + "".join(f'{key},"{text}"\n' for key, text in rows.items())


def hide(folder: Path, references: Sequence[tuple[int, list[str], str]]) -> Path:
    folder.mkdir()
    with (folder / "references.jsonl").open("w") as file:
        for image_id, texts, part in references:
            line = {"image_id": image_id, "captions": texts, "legacy": len(texts) - 1, "part": part}
            file.write(json.dumps(line) + "\n")
    return folder


def graded(root: Path, python: str, tables: Mapping[str, str | bytes], *, phase: str = "validate") -> dict[str, Any]:
    submissions = {name: {"submission.csv": content} for name, content in tables.items()}
    return judged(root, python, TASK, hide(root / "references", REFERENCES), submissions, phase=phase)


@pytest.mark.parametrize("phase", COUNTS)
def test_bleu_is_as_by_hand_and_each_phase_counts_its_own_images(tmp_path: Path, python: str, phase: str) -> None:
    matched, possible, length, nearest = COUNTS[phase]
    shares = math.prod(right / all_there_are for right, all_there_are in zip(matched, possible, strict=True))
    verdict = graded(tmp_path, python, {"by hand": table()}, phase=phase)["by hand"]
    assert verdict["scores"]["bleu_4"] == pytest.approx(shares**0.25 * min(1, math.exp(1 - nearest / length)))
    assert verdict["standard_error"]["bleu_4"] > 0


def test_the_original_s_bleu_is_a_mean_over_images_of_letters_against_one_text(tmp_path: Path, python: str) -> None:
    references = [(1, ["zebra", "abcdX"], "validate"), (2, ["abcde fg"], "validate"), (3, ["abcd"], "validate")]
    submissions = {"letters": {"submission.csv": table({"1": "Abcde", "2": "abcd", "3": "abc"})}}
    hidden = hide(tmp_path / "references", references)
    verdict = judged(tmp_path, python, TASK, hidden, submissions)["letters"]
    by_image = [(4 / 5 * 3 / 4 * 2 / 3 * 1 / 2) ** 0.25, math.exp(1 - 8 / 4), 0]
    assert verdict["scores"]["legacy_character_bleu"] == pytest.approx(sum(by_image) / 3)
    assert verdict["standard_error"]["legacy_character_bleu"] > 0


def test_rows_are_matched_by_id_and_perfect_captions_score_1(tmp_path: Path, python: str) -> None:
    header, *rows = table({str(image_id): captions[-1] for image_id, captions, _ in REFERENCES}).splitlines()
    moved = "\n".join([f"note,{header}", *(f"x,{row}" for row in reversed(rows))])
    verdict = graded(tmp_path, python, {"perfect": b"\xef\xbb\xbf" + moved.encode()}, phase="submit")["perfect"]
    assert verdict["scores"] == pytest.approx({"bleu_4": 1, "legacy_character_bleu": 1})


def test_a_file_that_is_wrong_is_a_precise_fault(tmp_path: Path, python: str) -> None:
    cases: dict[str, tuple[str | bytes, str, str]] = {
        "column": (table().replace("caption", "text"), "missing_column", "has no column 'caption'"),
        "missing": (table().replace('4,"zebra"\n', ""), "wrong_rows", "has 3 rows after its header line; 4 are"),
        "extra": (table(of_5="a dog"), "wrong_rows", "has more than the 4 rows expected"),
        "twice": (table().replace("4,", "3,"), "duplicate_key", "row 4: image_id '3' stands there twice"),
        "unknown": (table().replace("4,", "04,"), "unknown_key", "row 4: image_id '04' is not one of the expected"),
        "empty": (table(of_4=" "), "bad_value", "image_id 4: the caption '' has no word; write at least one"),
        "no word": (table(of_4="?! _"), "bad_value", "image_id 4: the caption '?! _' has no word"),
        "long": (
            table(of_4="dog " * 251),
            "bad_value",
            "image_id 4: the caption has 1003 characters; 1000 are allowed",
        ),
        "huge": (table(of_4="d" * 10**6), "unreadable", "field larger than field limit"),
        "two lines": (table(of_4="a\ndog"), "bad_value", "image_id 4: character 2 is '\\n', a line break"),
        "separator": (table(of_4="a\u2028dog"), "bad_value", "image_id 4: character 2 is '\\u2028', a line break"),
        "control": (table(of_4="a dog\x1b[2J"), "bad_value", "image_id 4: character 6 is '\\x1b', a line break or"),
        "latin": (table(of_4="café").encode("latin-1"), "unreadable", "can't be read as CSV in UTF-8"),
        "open quote": (table()[:-3], "unreadable", "can't be read as CSV in UTF-8"),
    }
    verdicts = graded(tmp_path, python, {name: content for name, (content, _, _) in cases.items()})
    for name, (_, code, message) in cases.items():
        assert (verdicts[name]["outcome"], verdicts[name]["code"]) == ("submission_fault", code), name
        assert message in verdicts[name]["message"] and len(verdicts[name]["message"]) <= 500, name


def test_formulas_and_names_of_no_number_are_words_like_others(tmp_path: Path, python: str) -> None:
    texts = ["nan", "NaN", "inf", "None", "\uff15", "x" * 1000, "é", "=SUM(A1:A9)"]
    tables = {f"text {number}": table(of_4=text) for number, text in enumerate(texts)}
    verdicts = list(graded(tmp_path, python, tables, phase="submit").values())
    assert {verdict["outcome"] for verdict in verdicts} == {"scored"}
    assert len({verdict["scores"]["bleu_4"] for verdict in verdicts[:-1]}) == 1


def test_the_sample_has_the_form_of_the_full_data_and_keeps_its_references_back(python: str, sample: Path) -> None:
    public = sample / "public"
    parts = {part: read_lines(public / f"{part}.jsonl") for part in ("train", "val", "test")}
    for part, rows in parts.items():
        assert {path.name for path in (public / part).iterdir()} == {row["file_name"] for row in rows}
        assert all(len(row.get("captions", [])) == (0 if part == "test" else 5) for row in rows)
    references = read_lines(sample / "hidden/references.jsonl")
    assert [row["image_id"] for row in references] == [row["image_id"] for row in parts["test"]]
    assert sum(row["part"] == "validate" for row in references) == round(0.3 * len(references))
    given = b"".join(path.read_bytes() for path in public.rglob("*") if path.is_file() and path.suffix != ".jpg")
    assert not any(json.dumps(row["captions"]).encode() in given for row in references)


def read_lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_a_seed_draws_the_same_scenes_again_and_another_one_others(python: str) -> None:
    drawn = run_program(python, DRAW, str(TASK.folder), "1", "1", "2").split()
    assert drawn[0] == drawn[1] != drawn[2]


def make_sources(folder: Path) -> Path:
    """COCO in little: every image shows a bicycle, those of even ids over 100 and under 200 a person as well."""
    folder.mkdir()
    for part, ids in {"train2014": [9, 110, 25], "val2014": [5, 16390, 120, 20000, 32773]}.items():
        images = [{"id": i, "file_name": f"COCO_{part}_{i:012d}.jpg", "height": 3, "width": i, "url": ""} for i in ids]
        shown = [(i, 2) for i in ids] + [(i, 1) for i in ids if i in (110, 120)]
        things = [{"image_id": i, "category_id": kind, "segmentation": [[0.5]]} for i, kind in shown]
        texts = [{"image_id": i, "caption": f"Thing {i},\n seen  {n} times. "} for n in range(5) for i in ids]
        (folder / f"instances_{part}.json").write_text(json.dumps({"annotations": things}))
        (folder / f"captions_{part}.json").write_text(json.dumps({"images": images, "annotations": texts}))
        with zipfile.ZipFile(folder / f"{part}.zip", "w") as archive:
            for image in images:
                archive.writestr(f"{part}/{image['file_name']}", f"picture {image['id']}")
    for name in ("config.json", "model.safetensors"):
        (folder / f"resnet-50-{name}").write_text(name)
    return folder


def test_images_without_people_are_taken_and_those_held_out_halved_by_their_ids(tmp_path: Path, python: str) -> None:
    sources = make_sources(tmp_path / "sources")
    run_program(python, PREPARE_FULL, str(TASK.folder), str(sources), str(tmp_path / "out"), "4")
    public = tmp_path / "out/public"
    parts = {part: read_lines(public / f"{part}.jsonl") for part in ("train", "val", "test")}
    ids = {part: [row["image_id"] for row in rows] for part, rows in parts.items()}
    assert ids == {"train": [9, 25], "val": [5, 32773], "test": [16390, 20000]}
    first = {"image_id": 9, "file_name": "COCO_train2014_000000000009.jpg", "height": 3, "width": 9}
    assert parts["train"][0] == {**first, "captions": [f"Thing 9, seen {n} times." for n in range(5)]}
    assert (public / "test/COCO_val2014_000000020000.jpg").read_text() == "picture 20000"
    assert (public / "resnet-50/model.safetensors").read_text() == "model.safetensors"
    references = read_lines(tmp_path / "out/hidden/references.jsonl")
    assert [row["captions"][0] for row in references] == ["Thing 16390, seen 0 times.", "Thing 20000, seen 0 times."]


def test_other_annotations_than_coco_s_are_refused(tmp_path: Path, python: str) -> None:
    sources = make_sources(tmp_path / "sources")
    with pytest.raises(AssertionError, match="val2014 has 4 images without a person; 18870 are expected"):
        run_program(python, PREPARE_FULL, str(TASK.folder), str(sources), str(tmp_path / "out"), "18870")
