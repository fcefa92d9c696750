"""COCO's images without people and their captions, or drawn scenes of the same form."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import numpy as np
from coco import Row, as_upstream, copy_images, read_parts
from scenes import draw_scene

SAMPLE = {"train": 800, "val": 100, "test": 300}
"""Part → drawn scenes."""
ARCHIVES = {"train": "train2014", "val": "val2014", "test": "val2014"}
"""Part → the part of COCO that it comes from."""
VALIDATE_SHARE = 0.3
NETWORK = ("config.json", "model.safetensors")
LOOKED_AT = 64
"""Drawn scenes by which the sample's network is set."""

README = """\
train/, val/, test/    {train}, {val} and {test} images, JPEG files
train.jsonl            a line for each image of train/: image_id, file_name, height, width (in pixels), captions (a list
                       of at least five)
val.jsonl              the same for val/
test.jsonl             the same for test/, without captions
sample_submission.csv  the form of a submission: image_id, caption, one row for each image of test.jsonl
resnet-50/             config.json and model.safetensors of an image classifier, as transformers'
                       ResNetForImageClassification and ResNetModel load them
{origin}
"""
ORIGIN = {
    "full": """\
Origin: the images of COCO 2014 on which no person is annotated, with COCO's captions, and microsoft/resnet-50, trained
on ImageNet. train/ is from train2014: {same} the images that the original used. val/ and test/ are the halves
of val2014 by image_id modulo 32768; about twenty of each were in the other half in the original.""",
    "sample": """\
Origin: scenes drawn by a program and captions made by rule, for trying things out. They only resemble COCO, whose kind
of file names they have. The network in resnet-50/ is a small one that has learnt nothing: its weights are drawn.""",
}


def prepare(flavour: str, sources: Path, out: Path, seed: int) -> None:
    """Write public/ and hidden/; `seed` draws the hidden split, and everything of the sample."""
    rng = np.random.default_rng(seed)
    public, network = out / "public", out / "public/resnet-50"
    for folder in (*SAMPLE, network.name):
        (public / folder).mkdir()
    if flavour == "full":
        parts = read_parts(sources)
        for part, rows in parts.items():
            copy_images(sources / f"{ARCHIVES[part]}.zip", public / part, rows)
        for name in NETWORK:
            shutil.copyfile(sources / f"resnet-50-{name}", network / name)
    else:
        parts = _draw_parts(public, rng)
        from encoder import write_encoder

        write_encoder(network, sorted((public / "train").iterdir())[:LOOKED_AT], seed)
    origin = ORIGIN[flavour].format(same="exactly" if as_upstream(parts["train"]) else "nearly, but not exactly,")
    sizes = {part: len(rows) for part, rows in parts.items()}
    (public / "README").write_text(README.format(**sizes, origin=origin), encoding="utf-8")
    _write_tables(public, parts)
    _write_references(out / "hidden/references.jsonl", parts["test"], rng)


def _draw_parts(public: Path, rng: np.random.Generator) -> dict[str, list[Row]]:
    """Draw and write the sample's images; their ids, like COCO's, have gaps and tell nothing."""
    ids = iter(rng.choice(np.arange(1, 600_000), sum(SAMPLE.values()), replace=False).tolist())
    parts: dict[str, list[Row]] = {}
    for part, count in SAMPLE.items():
        parts[part] = []
        for image_id in sorted(next(ids) for _ in range(count)):
            scene = draw_scene(rng)
            name = f"COCO_{ARCHIVES[part]}_{image_id:012d}.jpg"
            (public / part / name).write_bytes(scene.jpeg)
            row = {"image_id": image_id, "file_name": name, "height": scene.height, "width": scene.width}
            parts[part].append({**row, "captions": scene.captions})
    return parts


def _write_tables(public: Path, parts: dict[str, list[Row]]) -> None:
    for part, rows in parts.items():
        with (public / f"{part}.jsonl").open("w", encoding="utf-8") as file:
            for row in rows:
                shown = {name: value for name, value in row.items() if part != "test" or name != "captions"}
                file.write(json.dumps(shown, ensure_ascii=False) + "\n")
    with (public / "sample_submission.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["image_id", "caption"])
        writer.writerows([row["image_id"], "a picture of something"] for row in parts["test"])


def _write_references(path: Path, test: list[Row], rng: np.random.Generator) -> None:
    """A line for each test image: its captions, the one that the legacy metric takes, and the phase it counts for."""
    parts = np.full(len(test), "submit", dtype=object)
    parts[rng.permutation(len(test))[: round(VALIDATE_SHARE * len(test))]] = "validate"
    with path.open("w", encoding="utf-8") as file:
        for row, part in zip(test, parts):
            legacy = int(rng.integers(len(row["captions"])))
            line = {"image_id": row["image_id"], "captions": row["captions"], "legacy": legacy, "part": part}
            file.write(json.dumps(line, ensure_ascii=False) + "\n")
