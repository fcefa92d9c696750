"""The images of COCO 2014 that show no person, in three parts, read from the official archives."""

from __future__ import annotations

import hashlib
import json
import zipfile
from pathlib import Path
from typing import Any

Row = dict[str, Any]
"""An image: image_id, file_name, height, width in pixels, captions."""

TRAIN, HELD_OUT = 37_609, 18_870
PERSON = 1
"""COCO's category."""
TABLE = 32_768
UPSTREAM_TRAIN = "906f1522483ad743a984e282b7a6c9382c48e264af21aca4305136e4c827689c"
"""SHA-256 of the ids of the original's training images, ascending, joined by newlines."""


def read_parts(sources: Path) -> dict[str, list[Row]]:
    """Images without a person: train2014's to train on, val2014's in two halves, for validation and for testing."""
    train = _without_people(sources, "train2014", TRAIN)
    held_out = _without_people(sources, "val2014", HELD_OUT)
    # The original halved a Python set of ids, whose order is mostly that of their remainders.
    held_out.sort(key=lambda row: (row["image_id"] % TABLE, row["image_id"]))
    middle = len(held_out) // 2
    return {
        "train": train,
        "val": sorted(held_out[:middle], key=_id),
        "test": sorted(held_out[middle:], key=_id),
    }


def as_upstream(train: list[Row]) -> bool:
    """Whether these are exactly the images that the original trained on."""
    ids = "\n".join(str(row["image_id"]) for row in train)
    return hashlib.sha256(ids.encode("ascii")).hexdigest() == UPSTREAM_TRAIN


def copy_images(archive: Path, folder: Path, rows: list[Row]) -> None:
    """Write the images' files as they are in COCO's archive, train2014.zip or val2014.zip."""
    with zipfile.ZipFile(archive) as images:
        for row in rows:
            (folder / row["file_name"]).write_bytes(images.read(f"{archive.stem}/{row['file_name']}"))


def _without_people(sources: Path, part: str, count: int) -> list[Row]:
    with_people = {
        thing["image_id"]
        for thing in _read(sources / f"instances_{part}.json")["annotations"]
        if thing["category_id"] == PERSON
    }
    described = _read(sources / f"captions_{part}.json")
    captions: dict[int, list[str]] = {}
    for annotation in described["annotations"]:
        captions.setdefault(annotation["image_id"], []).append(" ".join(annotation["caption"].split()))
    rows = [
        {
            "image_id": image["id"],
            "file_name": image["file_name"],
            "height": image["height"],
            "width": image["width"],
            "captions": captions[image["id"]],
        }
        for image in described["images"]
        if image["id"] not in with_people
    ]
    if len(rows) != count:
        raise ValueError(f"COCO's {part} has {len(rows)} images without a person; {count} are expected")
    return sorted(rows, key=_id)


def _read(path: Path) -> Any:
    with path.open(encoding="utf-8") as file:
        return json.load(file, object_hook=_without_outline)


def _without_outline(entry: Row) -> Row:
    # Outlines are most of the half gigabyte, and would fill the memory many times over.
    entry.pop("segmentation", None)
    return entry


def _id(row: Row) -> int:
    number: int = row["image_id"]
    return number
