"""Shards of GPT-2 tokens of FineWeb, or of a small generated language in the same form."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
from language import VOCABULARY, write_tokens

MAGIC, VERSION = 20240520, 1
HEADER = 256
"""int32 numbers before a shard's tokens: magic, version, how many tokens, zeros."""
TRAIN_SHARDS = 18
SHARD_TOKENS = 100_000_000
GPT2_VOCABULARY = 50257
FULL_LENGTH, FULL_WINDOWS = 1024, 10240
"""The original's sequence length, and what its 10,485,760 tokens of evaluation come to."""
SAMPLE_SHARDS, SAMPLE_TOKENS = 2, 500_000
SAMPLE_LENGTH, SAMPLE_WINDOWS = 128, 600
VALIDATE_SHARE = 0.3

README = """\
fineweb_train_*.bin  {shards} shards for training, together {tokens} tokens: 256 little-endian int32 numbers (20240520,
                     1, the shard's number of tokens, zeros), then the tokens as little-endian uint16
facts.json           what a model has to know: the size of the vocabulary, the length of a window
{origin}
"""
ORIGIN = {
    "full": "Origin: FineWeb, tokenised with GPT-2's tokenizer; token 50256 comes before each document.",
    "sample": "Origin: a small language made by a program, for trying things out; token 0 comes before each document.",
}


def prepare(flavour: str, sources: Path, out: Path, seed: int) -> None:
    """Write public/ and hidden/; `seed` draws the hidden split, and the language of the sample."""
    rng = np.random.default_rng(seed)
    if flavour == "full":
        vocabulary, length, windows = GPT2_VOCABULARY, FULL_LENGTH, FULL_WINDOWS
        shards = _copy_shards(sources, out / "public")
        validation = _read_shard(sources / "fineweb_val_000000.bin")[: length * windows + 1]
    else:
        vocabulary, length, windows = VOCABULARY, SAMPLE_LENGTH, SAMPLE_WINDOWS
        shards = SAMPLE_SHARDS * SAMPLE_TOKENS
        tokens = write_tokens(shards + length * windows + 1, rng)
        _write_shards(tokens[:shards], out / "public")
        validation = tokens[shards:]
    if len(validation) != length * windows + 1 or int(validation.max()) >= vocabulary:
        raise ValueError("the validation tokens are too few, or not of the vocabulary")
    count = TRAIN_SHARDS if flavour == "full" else SAMPLE_SHARDS
    readme = README.format(shards=count, tokens=shards, origin=ORIGIN[flavour])
    (out / "public/README").write_text(readme, encoding="utf-8")
    facts = json.dumps({"vocabulary": vocabulary, "length": length})
    (out / "public/facts.json").write_text(facts, encoding="ascii")
    validation.astype("<u2").tofile(out / "hidden/tokens.bin")
    plan = {"vocabulary": vocabulary, "length": length, "parts": _parts(windows, rng)}
    (out / "hidden/windows.json").write_text(json.dumps(plan), encoding="ascii")


def _parts(windows: int, rng: np.random.Generator) -> str:
    """Which of validate and submit each window counts for, a letter a window: 3 of each 10 neighbours validate."""
    counted = round(10 * VALIDATE_SHARE)
    tens = ["".join(rng.permutation(list("v" * counted + "s" * (10 - counted)))) for _ in range(windows // 10)]
    return "".join(tens)


def _copy_shards(sources: Path, public: Path) -> int:
    total = 0
    for number in range(1, TRAIN_SHARDS + 1):
        name = f"fineweb_train_{number:06d}.bin"
        total += len(_read_shard(sources / name))
        shutil.copyfile(sources / name, public / name)
    return total


def _read_shard(path: Path) -> np.ndarray:
    """The tokens of a shard of the full data, as the disk has them."""
    header = np.fromfile(path, "<i4", HEADER)
    if len(header) != HEADER or tuple(header[:3]) != (MAGIC, VERSION, SHARD_TOKENS):
        raise ValueError(f"{path.name} is not a shard of {SHARD_TOKENS} tokens")
    tokens = np.memmap(path, "<u2", "r", offset=4 * HEADER)
    if len(tokens) != SHARD_TOKENS:
        raise ValueError(f"{path.name} has {len(tokens)} tokens; its header says {SHARD_TOKENS}")
    return tokens


def _write_shards(tokens: np.ndarray, public: Path) -> None:
    for number, shard in enumerate(np.split(tokens, SAMPLE_SHARDS), start=1):
        header = np.zeros(HEADER, "<i4")
        header[:3] = MAGIC, VERSION, len(shard)
        content = header.tobytes() + shard.astype("<u2").tobytes()
        (public / f"fineweb_train_{number:06d}.bin").write_bytes(content)
