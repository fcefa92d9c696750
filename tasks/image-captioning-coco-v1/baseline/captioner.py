"""Captions from images: the words there are, and a recurrent network that puts them in order."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

import torch
from torch import Tensor, nn

PADDING, START, END, UNKNOWN = range(4)
WORD = re.compile(r"[^\W_]+")


class Vocabulary:
    """Words that occur often, and the numbers that stand for them."""

    def __init__(self, captions: Iterable[str], least: int = 5) -> None:
        counts = Counter(word for caption in captions for word in WORD.findall(caption.lower()))
        frequent = sorted(word for word, count in counts.items() if count >= least)
        self.words = ["<padding>", "<start>", "<end>", "<unknown>", *frequent]
        self._numbers = {word: number for number, word in enumerate(self.words)}

    def encode(self, caption: str) -> list[int]:
        """A caption's words between the numbers of its start and its end."""
        return [START, *(self._numbers.get(word, UNKNOWN) for word in WORD.findall(caption.lower())), END]

    def decode(self, numbers: Iterable[int]) -> str:
        """The words up to the end."""
        words = []
        for number in numbers:
            if number == END:
                break
            words.append(self.words[number])
        return " ".join(words)


class Captioner(nn.Module):  # type: ignore[misc]
    """An LSTM that sees the image first and then each word, and tells the next."""

    def __init__(self, features: int, words: int, embedding: int = 256, hidden: int = 512) -> None:
        super().__init__()
        self.image = nn.Sequential(nn.Linear(features, embedding), nn.BatchNorm1d(embedding))
        self.embedding = nn.Embedding(words, embedding)
        self.memory = nn.LSTM(embedding, hidden, batch_first=True)
        self.scores = nn.Linear(hidden, words)

    def forward(self, images: Tensor, captions: Tensor) -> Tensor:
        """Scores [N, T, words] for what follows each word of captions int64 [N, T]; images: float32 [N, features]."""
        seen = torch.cat([self.image(images)[:, None], self.embedding(captions)], dim=1)
        scores: Tensor = self.scores(self.memory(seen)[0][:, 1:])
        return scores

    @torch.inference_mode()  # type: ignore[untyped-decorator]
    def caption(self, images: Tensor, longest: int = 30) -> Tensor:
        """Always the likeliest next word: int64 [N, longest], not all of which comes before the end."""
        _, state = self.memory(self.image(images)[:, None])
        word = torch.full((len(images),), START, device=images.device)
        words = []
        for place in range(longest):
            seen, state = self.memory(self.embedding(word)[:, None], state)
            scores = self.scores(seen[:, 0])
            # These are no words, and a caption has at least one.
            scores[:, [PADDING, START, UNKNOWN]] = float("-inf")
            if place == 0:
                scores[:, END] = float("-inf")
            word = scores.argmax(dim=1)
            words.append(word)
        return torch.stack(words, dim=1)
