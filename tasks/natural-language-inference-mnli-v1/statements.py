"""Pairs of made-up sentences: the second follows from the first, may be true, or can't be."""

from __future__ import annotations

import numpy as np

Pair = tuple[str, str, int]
"""Premise, hypothesis, label."""
ENTAILMENT, NEUTRAL, CONTRADICTION = range(3)

KINDS = {
    "animal": ["dog", "cat", "horse", "goat", "rabbit"],
    "person": ["doctor", "farmer", "singer", "teacher", "baker"],
    "vehicle": ["truck", "bus", "tractor", "tram"],
}
DEEDS = {
    "animal": [("sleeping", "awake"), ("running", "standing still"), ("eating", "hungry and without food")],
    "person": [("laughing", "crying"), ("sitting", "standing"), ("talking", "silent"), ("working", "on holiday")],
    "vehicle": [("moving", "parked"), ("waiting", "on its way"), ("climbing a hill", "going downhill")],
}
"""Kind → what it does, and what nobody can be who does that."""
PLACES = ["garden", "market", "village", "harbour", "valley", "station"]
LOOKS = ["old", "young", "tall", "small", "red", "quiet"]
TIMES = ["every morning", "since last year", "for the first time", "because of the weather"]
COUNTED = ["one", "two", "three", "four", "five"]
DOUBT = 0.2
"""Share of pairs whose label is drawn, as if annotators had not agreed: nobody can tell more than 87 % of all."""
LETTERS = "abcdefghijklmnopqrstuvwxyz"
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]


def draw_pairs(count: int, rng: np.random.Generator) -> list[Pair]:
    """Draw `count` pairs, the three relations alike often."""
    labels = rng.permutation(np.arange(count) % 3).tolist()
    pairs = [_pair(label, rng) for label in labels]
    return [(first, second, _doubted(label, rng)) for first, second, label in pairs]


def _doubted(label: int, rng: np.random.Generator) -> int:
    return int(rng.integers(3)) if rng.random() < DOUBT else label


def vocabulary() -> list[str]:
    """A WordPiece vocabulary: the sentences' words, and every letter for words that are not among them."""
    texts = [*KINDS, *PLACES, *LOOKS, *TIMES, *COUNTED, "the a an is are in not nobody there no something"]
    texts += [name for names in KINDS.values() for name in names]
    texts += [text for deeds in DEEDS.values() for deed in deeds for text in deed]
    words = sorted({word for text in texts for word in text.split()})
    return [*SPECIAL, ".", ",", *LETTERS, *(f"##{letter}" for letter in LETTERS), *(w for w in words if len(w) > 1)]


def _pair(label: int, rng: np.random.Generator) -> Pair:
    kind = str(rng.choice(list(KINDS)))
    name, place, look = (str(rng.choice(words)) for words in (KINDS[kind], PLACES, LOOKS))
    doing, opposite = DEEDS[kind][int(rng.integers(len(DEEDS[kind])))]
    premise = f"the {look} {name} is {doing} in the {place}."
    hypotheses = {
        ENTAILMENT: [
            f"there is a {name} in the {place}.",
            f"something is {doing}.",
            f"the {kind} is {doing} in the {place}.",
            f"the {name} is {look}.",
            f"the {name} is not {opposite}.",
        ],
        NEUTRAL: [
            f"the {name} is {doing} {rng.choice(TIMES)}.",
            f"there are {rng.choice(COUNTED[1:])} {name} in the {place}.",
            f"the {name} is {rng.choice([other for other in LOOKS if other != look])}.",
            f"the {rng.choice(LOOKS)} {rng.choice([other for other in KINDS[kind] if other != name])} is {doing}.",
        ],
        CONTRADICTION: [
            f"the {name} is {opposite}.",
            f"there is no {name} in the {place}.",
            f"the {name} is not {doing}.",
            f"nobody is {doing} in the {place}.",
            f"the {name} is in the {rng.choice([other for other in PLACES if other != place])}.",
        ],
    }
    return premise, str(rng.choice(hypotheses[label])), label
