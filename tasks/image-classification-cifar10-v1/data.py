"""CIFAR-10, or drawn things of the same form."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
from things import draw_things

CLASSES, SIDE = 10, 32
RECORD = 1 + 3 * SIDE * SIDE
TRAIN_FILES = [f"data_batch_{number}.bin" for number in range(1, 6)]
SAMPLE_TRAIN, SAMPLE_TEST = 4000, 1000
VALIDATE_SHARE = 0.3

README = """\
train_images.npy       uint8 [{train}, 32, 32, 3], red, green and blue
train_labels.npy       uint8 [{train}], 0 airplane, 1 automobile, 2 bird, 3 cat, 4 deer, 5 dog, 6 frog, 7 horse,
                       8 ship, 9 truck
test_images.npy        uint8 [{test}, 32, 32, 3]
sample_submission.csv  the form of a submission: a header line `label`, then {test} rows in the order of test_images
{origin}
"""
ORIGIN = {
    "full": "Origin: CIFAR-10, the official training and test images.",
    "sample": "Origin: images drawn by a program, for trying things out. They only resemble CIFAR-10.",
}


def prepare(flavour: str, sources: Path, out: Path, seed: int) -> None:
    """Write public/ and hidden/; `seed` draws the hidden split, and the images of the sample."""
    rng = np.random.default_rng(seed)
    if flavour == "full":
        batches = [_read_batch(sources / name) for name in TRAIN_FILES]
        train = np.concatenate([images for images, _ in batches]), np.concatenate([labels for _, labels in batches])
        test = _read_batch(sources / "test_batch.bin")
    else:
        train, test = draw_things(SAMPLE_TRAIN, rng), draw_things(SAMPLE_TEST, rng)
    _write_public(out / "public", train, test[0], ORIGIN[flavour])
    _write_answers(out / "hidden/answers.csv", test[1], rng)


def _read_batch(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Records of one byte for the label and 3,072 for the red, the green and the blue plane, each row by row."""
    content = np.fromfile(path, np.uint8)
    if len(content) == 0 or len(content) % RECORD:
        raise ValueError(f"{path.name} has {len(content)} bytes, which is no whole number of records of {RECORD}")
    records = content.reshape(-1, RECORD)
    labels = records[:, 0].copy()
    if set(labels) != set(range(CLASSES)):
        raise ValueError(f"{path.name} is not CIFAR-10: its labels are {sorted(map(int, set(labels)))}")
    planes = records[:, 1:].reshape(-1, 3, SIDE, SIDE)
    return np.ascontiguousarray(planes.transpose(0, 2, 3, 1)), labels


def _write_public(public: Path, train: tuple[np.ndarray, np.ndarray], test_images: np.ndarray, origin: str) -> None:
    np.save(public / "train_images.npy", train[0])
    np.save(public / "train_labels.npy", train[1])
    np.save(public / "test_images.npy", test_images)
    (public / "sample_submission.csv").write_text("label\n" + "0\n" * len(test_images), encoding="ascii")
    readme = README.format(train=len(train[0]), test=len(test_images), origin=origin)
    (public / "README").write_text(readme, encoding="utf-8")


def _write_answers(path: Path, labels: np.ndarray, rng: np.random.Generator) -> None:
    """One row for each test image: its label, and which of validate and submit it counts for."""
    parts = np.full(len(labels), "submit", dtype=object)
    for label in range(CLASSES):
        rows = rng.permutation(np.flatnonzero(labels == label))
        parts[rows[: round(VALIDATE_SHARE * len(rows))]] = "validate"
    with path.open("w", encoding="ascii", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["label", "part"])
        writer.writerows(zip(labels.tolist(), parts))
