"""CIFAR-10's files are read as they are published, and the sample has their shape; the rest is as in Fashion-MNIST."""

import json
from pathlib import Path
from typing import Any

import pytest

from mlgym_mcp.tasks.spec import TaskSpec
from tests.tasks.models import interpreter_of, prepare_sample, run_program

TASK = TaskSpec.load(Path(__file__).parents[2] / "tasks/image-classification-cifar10-v1")
PREPARE = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from data import prepare
for part in ("public", "hidden"):
    (Path(sys.argv[2]) / part).mkdir()
try:
    prepare("full", Path(sys.argv[2]), Path(sys.argv[2]), 1)
except ValueError as error:
    print(error)
"""
DESCRIBE = """
import json, sys
import numpy as np
names = ["train_images", "train_labels", "test_images"]
images, labels, test = arrays = [np.load(sys.argv[1] + f"/public/{name}.npy") for name in names]
facts = {name: [str(array.dtype), *array.shape] for name, array in zip(names, arrays)}
facts |= {"labels": labels.tolist(), "pixels": images[:, 3, 7].tolist(), "sums": test.sum((1, 2, 3)).tolist()}
print(json.dumps(facts))
"""


def batch(number: int) -> bytes:
    """Twenty records: a label, then three planes, black but for the fourth row's eighth pixel."""
    planes = b"".join(bytes(3 * 32 + 7) + bytes([10 * number + colour]) + bytes(28 * 32 + 24) for colour in (5, 6, 7))
    return b"".join(bytes([row % 10]) + planes for row in range(20))


def prepared(root: Path, cache_dir: Path, **changed: bytes) -> str:
    """What data.py says of small files, some of them changed."""
    for number, name in enumerate([*(f"data_batch_{count}" for count in range(1, 6)), "test_batch"]):
        (root / f"{name}.bin").write_bytes(changed.get(name, batch(number)))
    return run_program(interpreter_of("base", cache_dir), PREPARE, str(TASK.folder), str(root))


def described(root: Path, cache_dir: Path) -> Any:
    return json.loads(run_program(interpreter_of("base", cache_dir), DESCRIBE, str(root)))


@pytest.mark.slow
def test_the_batches_follow_one_another_and_planes_become_colours(tmp_path: Path, cache_dir: Path) -> None:
    assert prepared(tmp_path, cache_dir) == ""
    found = described(tmp_path, cache_dir)
    assert found["train_images"] == ["uint8", 100, 32, 32, 3] and found["labels"] == [*range(10)] * 10
    assert found["pixels"] == [[10 * number + colour for colour in (5, 6, 7)] for number in range(5) for _ in range(20)]
    assert found["sums"] == [55 + 56 + 57] * 20
    answers = (tmp_path / "hidden/answers.csv").read_text().split()[1:]
    assert [answer.split(",")[0] for answer in answers] == [str(row % 10) for row in range(20)]


@pytest.mark.slow
@pytest.mark.parametrize("content", [b"", bytes(3072), batch(2) + b"\0", b"\x0a" + bytes(3072)], ids=len)
def test_a_file_of_another_size_or_with_other_labels_is_refused(
    tmp_path: Path, cache_dir: Path, content: bytes
) -> None:
    wrong = "is not CIFAR-10: its labels are [10]" if len(content) == 3073 else f"has {len(content)} bytes"
    assert f"data_batch_3.bin {wrong}" in prepared(tmp_path, cache_dir, data_batch_3=content)


@pytest.mark.slow
def test_the_sample_has_the_shape_of_the_full_data_and_is_drawn_from_its_seed(tmp_path: Path, cache_dir: Path) -> None:
    python, seeds = interpreter_of("base", cache_dir), {"first": 1, "again": 1, "other": 2}
    roots = [prepare_sample(python, TASK, tmp_path / name, seed=seed) for name, seed in seeds.items()]
    first, again, other = (described(root, cache_dir) for root in roots)
    assert [first[name] for name in ("train_images", "test_images")] == [["uint8", n, 32, 32, 3] for n in (4000, 1000)]
    assert first == again and first["sums"] != other["sums"] and {*first["labels"]} == {*range(10)}
