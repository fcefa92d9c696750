"""Fashion-MNIST, or drawn garments of the same form."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
from garments import draw_garments

CLASSES = 10
SAMPLE_TRAIN, SAMPLE_TEST = 6000, 1000
VALIDATE_SHARE = 0.3

README = """\
train_images.npy       uint8 [{train}, 28, 28], grey values, 0 is background
train_labels.npy       uint8 [{train}], 0 T-shirt/top, 1 trouser, 2 pullover, 3 dress, 4 coat, 5 sandal, 6 shirt,
                       7 sneaker, 8 bag, 9 ankle boot
test_images.npy        uint8 [{test}, 28, 28]
sample_submission.csv  the form of a submission: a header line `label`, then {test} rows in the order of test_images
{origin}
"""
ORIGIN = {
    "full": "Origin: Fashion-MNIST, the official training and test images.",
    "sample": "Origin: images drawn by a program, for trying things out. They only resemble Fashion-MNIST.",
}


def prepare(flavour: str, sources: Path, out: Path, seed: int) -> None:
    """Write public/ and hidden/; `seed` draws the hidden split, and the images of the sample."""
    rng = np.random.default_rng(seed)
    if flavour == "full":
        train, test = _official(sources, "train"), _official(sources, "t10k")
    else:
        train, test = draw_garments(SAMPLE_TRAIN, rng), draw_garments(SAMPLE_TEST, rng)
    _write_public(out / "public", train, test[0], ORIGIN[flavour])
    _write_answers(out / "hidden/answers.csv", test[1], rng)


def _official(sources: Path, part: str) -> tuple[np.ndarray, np.ndarray]:
    images = _read_idx(sources / f"{part}-images-idx3-ubyte")
    labels = _read_idx(sources / f"{part}-labels-idx1-ubyte")
    if images.shape != (len(labels), 28, 28) or set(labels) != set(range(CLASSES)):
        raise ValueError(f"the {part} files are not Fashion-MNIST: images {images.shape}, labels {labels.shape}")
    return images, labels


def _read_idx(path: Path) -> np.ndarray:
    """An IDX file of unsigned bytes: 0, 0, 8, dimensions, one big-endian length for each, values."""
    content = path.read_bytes()
    if content[:3] != b"\0\0\x08":
        raise ValueError(f"{path.name} is not an IDX file of unsigned bytes")
    dimensions = content[3]
    shape = np.frombuffer(content, ">u4", dimensions, offset=4)
    return np.frombuffer(content, np.uint8, offset=4 + 4 * dimensions).reshape(shape)


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
