"""A small language: documents that keep to a topic, sentences with a grammar, names that come back."""

from __future__ import annotations

import numpy as np

VOCABULARY = 1024
DOCUMENT, STOP, COMMA = 0, 1, 2
"""Tokens before each document, after each sentence, and between its clauses."""
ARTICLES = {False: (3, 4), True: (5, 6)}
"""Plural or not → the articles that agree."""
TOPICS = 8
NAMES = range(8, 136)
NOUNS, VERBS, ADJECTIVES = range(136, 520), range(520, 840), range(840, 1024)
"""Even nouns and verbs are singular, odd ones plural."""


def write_tokens(count: int, rng: np.random.Generator) -> np.ndarray:
    """Write `count` tokens of documents: uint16 [count]."""
    tokens: list[int] = []
    while len(tokens) < count:
        tokens += _document(rng)
    return np.array(tokens[:count], np.uint16)


def _document(rng: np.random.Generator) -> list[int]:
    topic = int(rng.integers(TOPICS))
    people = rng.choice(NAMES, 2, replace=False).tolist()
    tokens = [DOCUMENT]
    for _ in range(int(rng.integers(4, 16))):
        tokens += _clause(topic, people, rng)
        if rng.random() < 0.3:
            tokens += [COMMA, *_clause(topic, people, rng)]
        tokens.append(STOP)
    return tokens


def _clause(topic: int, people: list[int], rng: np.random.Generator) -> list[int]:
    """Somebody or something, a verb that agrees with it, and what it is done to."""
    plural = bool(rng.random() < 0.4)
    if rng.random() < 0.35:
        subject, plural = [people[int(rng.random() < 0.3)]], False
    else:
        subject = _noun_phrase(topic, plural, rng)
    verb = _word(VERBS, topic, rng) // 2 * 2 + plural
    thing = _noun_phrase(topic, bool(rng.random() < 0.5), rng) if rng.random() < 0.7 else []
    return [*subject, verb, *thing]


def _noun_phrase(topic: int, plural: bool, rng: np.random.Generator) -> list[int]:
    articles = [ARTICLES[plural][int(rng.random() < 0.3)]] if rng.random() < 0.4 else []
    adjectives = [_word(ADJECTIVES, topic, rng)] if rng.random() < 0.6 else []
    return [*articles, *adjectives, _word(NOUNS, topic, rng) // 2 * 2 + plural]


def _word(words: range, topic: int, rng: np.random.Generator) -> int:
    """A word, mostly one of the topic's, and mostly a frequent one."""
    size = len(words) // TOPICS
    chosen = topic if rng.random() < 0.7 else int(rng.integers(TOPICS))
    rank = int(rng.exponential(size / 2)) % size
    return words[0] + chosen * size + rank
