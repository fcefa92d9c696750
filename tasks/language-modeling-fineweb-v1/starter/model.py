"""A small GPT in PyTorch, and the two questions that scoring asks it."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import nn
from torch.nn import functional as F

Tensor = Any
AT_ONCE = 16
"""Windows that one pass takes, for logits need much memory."""


@dataclass(frozen=True)
class Shape:
    """What a model's size depends on."""

    vocabulary: int
    length: int
    layers: int = 4
    heads: int = 4
    width: int = 128


class Block(nn.Module):  # type: ignore[misc]
    """Attention to what came before, then two layers on each place of its own."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.heads = shape.heads
        self.before_attention, self.before_thought = nn.LayerNorm(shape.width), nn.LayerNorm(shape.width)
        self.mixing = nn.Linear(shape.width, 3 * shape.width)
        self.attended = nn.Linear(shape.width, shape.width)
        self.widened, self.narrowed = nn.Linear(shape.width, 4 * shape.width), nn.Linear(4 * shape.width, shape.width)

    def forward(self, state: Tensor) -> Tensor:
        """State in and out: [B, T, width]."""
        parts = self.mixing(self.before_attention(state)).chunk(3, dim=-1)
        query, key, value = (part.unflatten(-1, (self.heads, -1)).transpose(1, 2) for part in parts)
        attention = F.scaled_dot_product_attention(query, key, value, is_causal=True)
        state = state + self.attended(attention.transpose(1, 2).flatten(2))
        return state + self.narrowed(F.gelu(self.widened(self.before_thought(state))))


class GPT(nn.Module):  # type: ignore[misc]
    """Tokens [B, T] to logits [B, T, vocabulary]; the embedding serves as the last layer, too."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        self.token, self.place = (nn.Embedding(n, shape.width) for n in (shape.vocabulary, shape.length))
        self.blocks = nn.ModuleList(Block(shape) for _ in range(shape.layers))
        self.last = nn.LayerNorm(shape.width)
        for parameter in self.parameters():
            if parameter.dim() == 2:
                nn.init.normal_(parameter, std=0.02)

    def forward(self, tokens: Tensor) -> Tensor:
        """Logits of what follows each token."""
        state = self.token(tokens) + self.place.weight[: tokens.shape[1]]
        for block in self.blocks:
            state = block(state)
        return self.last(state) @ self.token.weight.T

    def save(self, folder: Path) -> None:
        """Write model.safetensors, with the shape in its metadata."""
        tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in self.state_dict().items()}
        save_file(tensors, folder / "model.safetensors", {"shape": json.dumps(asdict(self.shape))})


class Model:
    """What scoring talks to."""

    def __init__(self, network: GPT, device: str) -> None:
        self._network = network.to(device).eval()
        self._device = device

    @torch.inference_mode()  # type: ignore[untyped-decorator]
    def log_probs(self, tokens: np.ndarray, targets: np.ndarray) -> np.ndarray:
        """The log-probability of each target, given the tokens of its window up to its place: float32 [B, T]."""
        found = []
        for start in range(0, len(tokens), AT_ONCE):
            part = slice(start, start + AT_ONCE)
            logits = self._network(self._tensor(tokens[part])).float()
            wanted = self._tensor(targets[part])[..., None]
            found.append((logits.gather(-1, wanted)[..., 0] - logits.logsumexp(-1)).cpu().numpy())
        return np.concatenate(found)

    @torch.inference_mode()  # type: ignore[untyped-decorator]
    def next_logits(self, prefixes: Sequence[np.ndarray]) -> np.ndarray:
        """The logits of the token that follows each prefix: float32 [B, vocabulary]."""
        found = []
        for start in range(0, len(prefixes), AT_ONCE):
            batch = prefixes[start : start + AT_ONCE]
            lengths = [len(prefix) for prefix in batch]
            # What fills up a row comes after its last token, which can't see it.
            rows = np.stack([np.pad(prefix, (0, max(lengths) - len(prefix))) for prefix in batch])
            logits = self._network(self._tensor(rows))
            found.append(logits[torch.arange(len(batch)), torch.tensor(lengths) - 1].float().cpu().numpy())
        return np.concatenate(found)

    def _tensor(self, values: np.ndarray) -> Tensor:
        return torch.from_numpy(values).to(self._device)


def load(folder: Path) -> Model:
    """The model whose weights lie in `folder`."""
    with safe_open(folder / "model.safetensors", "pt") as file:
        shape = Shape(**json.loads(file.metadata()["shape"]))
        tensors = {name: file.get_tensor(name) for name in file.keys()}
    network = GPT(shape)
    network.load_state_dict(tensors)
    torch.set_num_threads(1)  # more pay off for larger models only
    return Model(network, "cuda" if torch.cuda.is_available() else "cpu")
