"""MultiNLI with BERT's vocabulary and weights, or made-up sentences with a small BERT that has learnt nothing."""

from __future__ import annotations

import json
import shutil
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from statements import Pair, draw_pairs, vocabulary

MAX_LENGTH = 128
"""Tokens of a pair, special ones included; as the original."""
LABELS = {"entailment": 0, "neutral": 1, "contradiction": 2}
FULL_TRAIN, FULL_TEST = 392_702, 9_815
SAMPLE_TRAIN, SAMPLE_TEST = 6000, 1200
VALIDATE_SHARE = 0.3
SHIPPED = ("config.json", "model.safetensors", "vocab.txt")
SMALL = {
    "hidden_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 128,
    "max_position_embeddings": MAX_LENGTH,
}
"""How the sample's BERT differs from the base one."""

README = """\
train.jsonl         {train} pairs, a line each: premise, hypothesis, label (0 entailment, 1 neutral, 2 contradiction)
bert-base-uncased/  config.json, model.safetensors and vocab.txt of a BERT to start from
{origin}
"""
ORIGIN = {
    "full": "Origin: MultiNLI 1.0, and bert-base-uncased as its authors trained it.",
    "sample": "Origin: made by a program, for trying things out; the BERT is a small one that has learnt nothing.",
}


def prepare(flavour: str, sources: Path, out: Path, seed: int) -> None:
    """Write public/ and hidden/; `seed` draws the hidden split, and everything of the sample."""
    rng = np.random.default_rng(seed)
    pretrained = out / "public/bert-base-uncased"
    pretrained.mkdir(parents=True)
    if flavour == "full":
        train, test = _official(sources, "train", FULL_TRAIN), _official(sources, "dev_matched", FULL_TEST)
        for name in SHIPPED:
            shutil.copyfile(sources / f"bert-base-uncased-{name}", pretrained / name)
    else:
        train, test = draw_pairs(SAMPLE_TRAIN, rng), draw_pairs(SAMPLE_TEST, rng)
        _write_small_bert(pretrained, seed)
    with (out / "public/train.jsonl").open("w", encoding="utf-8") as file:
        for premise, hypothesis, label in train:
            row = {"premise": premise, "hypothesis": hypothesis, "label": label}
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
    readme = README.format(train=len(train), origin=ORIGIN[flavour])
    (out / "public/README").write_text(readme, encoding="utf-8")
    _write_hidden(out / "hidden", test, pretrained / "vocab.txt", rng)


def _official(sources: Path, part: str, count: int) -> list[Pair]:
    with zipfile.ZipFile(sources / "multinli_1.0.zip") as archive:
        with archive.open(f"multinli_1.0/multinli_1.0_{part}.jsonl") as file:
            rows = list(_labelled(json.loads(line) for line in file))
    if len(rows) != count or {label for _, _, label in rows} != {0, 1, 2}:
        raise ValueError(f"MultiNLI's {part} has {len(rows)} labelled pairs; {count} are expected")
    return rows


def _labelled(rows: Iterator[dict[str, Any]]) -> Iterator[Pair]:
    for row in rows:
        if row["gold_label"] in LABELS:  # the others are pairs on which the annotators did not agree
            yield row["sentence1"], row["sentence2"], LABELS[row["gold_label"]]


def _write_small_bert(folder: Path, seed: int) -> None:
    import torch
    from transformers import BertConfig, BertForPreTraining

    words = vocabulary()
    (folder / "vocab.txt").write_text("".join(f"{word}\n" for word in words), encoding="utf-8")
    torch.manual_seed(seed % 2**63)
    BertForPreTraining(BertConfig(vocab_size=len(words), **SMALL)).save_pretrained(folder)
    (folder / "generation_config.json").unlink(missing_ok=True)
    (folder / "model.safetensors").chmod(0o644)  # safetensors writes for its owner alone


def _write_hidden(hidden: Path, pairs: Sequence[Pair], words: Path, rng: np.random.Generator) -> None:
    """Write the tokens of each pair, its label, and which of validate and submit it counts for."""
    from tokenizers import BertWordPieceTokenizer

    tokenizer = BertWordPieceTokenizer(str(words), lowercase=True)
    tokenizer.enable_truncation(MAX_LENGTH)
    encodings = tokenizer.encode_batch([pair[:2] for pair in pairs])
    tokens = np.zeros((len(pairs), MAX_LENGTH), np.int32)
    for row, encoding in zip(tokens, encodings):
        row[: len(encoding.ids)] = encoding.ids
    labels = np.array([label for _, _, label in pairs], np.int8)
    validates = np.zeros(len(pairs), bool)
    for label in LABELS.values():
        rows = rng.permutation(np.flatnonzero(labels == label))
        validates[rows[: round(VALIDATE_SHARE * len(rows))]] = True
    lengths = np.array([len(encoding.ids) for encoding in encodings], np.int16)
    np.savez(hidden / "pairs.npz", tokens=tokens, lengths=lengths, labels=labels, validates=validates)
    facts = {"vocabulary": sum(1 for _ in words.open(encoding="utf-8"))}
    (hidden / "facts.json").write_text(json.dumps(facts), encoding="ascii")
