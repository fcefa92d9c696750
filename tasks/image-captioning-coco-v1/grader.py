"""BLEU of captions: over the words of all images together, and, as the original had it, over letters image by image."""

from __future__ import annotations

import json
import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from judging import RESAMPLES, Case, Fault, Measure, mean, read_matched

LONGEST = 4
"""Words, or letters, of the longest sequences that are compared."""
MOST = 1000
"""Characters of a caption."""
WORD = re.compile(r"[^\W_]+")
FORBIDDEN = {"Cc", "Zl", "Zp"}
"""Unicode's categories of control characters and line breaks."""


def grade(case: Case) -> dict[str, Measure]:
    """30 % of the test images count in `validate`, the others in `submit`."""
    with (case.hidden / "references.jsonl").open(encoding="utf-8") as file:
        answers = [json.loads(line) for line in file]
    given = read_matched(
        case.submission / "submission.csv",
        "image_id",
        "caption",
        expected=[str(answer["image_id"]) for answer in answers],
    )
    captions = {key: _checked(text, f"submission.csv, image_id {key}") for key, text in given.items()}
    counted = [answer for answer in answers if case.phase in ("upstream", answer["part"])]
    by_words, by_letters = [], []
    for answer in counted:
        caption = captions[str(answer["image_id"])]
        by_words.append(overlap(words(caption), [words(text) for text in answer["captions"]]))
        by_letters.append(overlap(caption.lower(), [_legacy_reference(answer).lower()]))
    return {
        "bleu_4": corpus_bleu(np.array(by_words), seed=case.seed),
        "legacy_character_bleu": mean(bleu(np.array(by_letters)).tolist()),
    }


def words(text: str) -> list[str]:
    """Runs of letters and digits, in lower case; all else only parts them."""
    return WORD.findall(text.lower())


def overlap(tokens: Sequence[str], references: Sequence[Sequence[str]]) -> list[int]:
    """What BLEU is made of, ten counts that can be added over captions.

    For sequences of 1, 2, 3 and 4 tokens: those that are in the references, each counted no more often than in the
    reference that has it most often. For the same: all there are. Then the caption's length, and that of the reference
    nearest in length, the shorter of two that are equally near.
    """
    matched, possible = [], []
    for size in range(1, LONGEST + 1):
        most: Counter[tuple[str, ...]] = Counter()
        for reference in references:
            most |= _sequences(reference, size)
        matched.append(sum((_sequences(tokens, size) & most).values()))
        possible.append(max(len(tokens) - size + 1, 0))
    lengths = [len(reference) for reference in references]
    nearest = min(lengths, key=lambda length: (abs(length - len(tokens)), length))
    return [*matched, *possible, len(tokens), nearest]


def bleu(counts: np.ndarray) -> np.ndarray:
    """BLEU-4 without smoothing of counts [..., 10] as `overlap` gives them: float64 [...], from 0 to 1."""
    matched, possible = counts[..., :LONGEST], counts[..., LONGEST:-2]
    length, nearest = counts[..., -2], counts[..., -1]
    scored = (matched > 0).all(-1)
    precision = np.log(np.where(matched > 0, matched, 1) / np.maximum(possible, 1)).mean(-1)
    brevity = np.minimum(0.0, 1 - nearest / np.maximum(length, 1))
    return np.where(scored, np.exp(precision + brevity), 0.0)


def corpus_bleu(counts: np.ndarray, *, seed: int) -> Measure:
    """BLEU of the sums of counts int [N, 10], with the standard error that drawing the N images anew gives."""
    images = len(counts)
    drawn = np.random.default_rng(seed).multinomial(images, np.full(images, 1 / images), size=RESAMPLES)
    return Measure(float(bleu(counts.sum(0))), float(bleu(drawn @ counts).std(ddof=1)))


def _sequences(tokens: Sequence[str], size: int) -> Counter[tuple[str, ...]]:
    return Counter(zip(*(tokens[start:] for start in range(size))))


def _legacy_reference(answer: dict[str, Any]) -> str:
    text: str = answer["captions"][answer["legacy"]]
    return text


def _checked(text: str, where: str) -> str:
    if len(text) > MOST:
        raise Fault("bad_value", f"{where}: the caption has {len(text)} characters; {MOST} are allowed")
    for place, character in enumerate(text, start=1):
        if unicodedata.category(character) in FORBIDDEN:
            raise Fault("bad_value", f"{where}: character {place} is {character!r}, a line break or control character")
    if not words(text):
        raise Fault("bad_value", f"{where}: the caption {text[:40]!r} has no word; write at least one")
    return text
