"""Accuracy of a BERT that is handed in as weights and a configuration, on pairs that the phase counts.

Nothing of the submission is run or unpickled: of the configuration only listed numbers are taken, each within bounds,
and the weights have to be the tensors, in name and shape, of the classifier that these numbers describe.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import torch
from judging import Case, Fault, Measure, proportion
from safetensors import SafetensorError
from safetensors.torch import load_file
from transformers import BertConfig, BertForSequenceClassification

FOLDER = "bert_mnli_model"
CLASSES = 3
BATCH = 32
"""Pairs in a pass."""
THREADS = 2
"""As many as the task's processor cores; torch would count those of the whole machine."""
MAX_CONFIG = 64 * 1024
MAX_HEADER = 1024**2
BOUNDS = {
    "hidden_size": (1, 1024),
    "num_hidden_layers": (1, 24),
    "num_attention_heads": (1, 16),
    "intermediate_size": (1, 4096),
    "max_position_embeddings": (1, 512),
    "type_vocab_size": (1, 2),
}
"""Whole numbers of a configuration: least and greatest; the greatest are those of the large BERT."""
DEFAULTS = {
    "hidden_size": 768,
    "num_hidden_layers": 12,
    "num_attention_heads": 12,
    "intermediate_size": 3072,
    "max_position_embeddings": 512,
    "type_vocab_size": 2,
    "vocab_size": 30522,
}
ACTIVATIONS = ("gelu", "gelu_new", "relu", "silu")
KINDS_OF_NUMBERS = ("F32", "F16", "BF16")


def grade(case: Case) -> dict[str, Measure]:
    """Share of pairs whose relation the model tells, in percent."""
    facts = json.loads((case.hidden / "facts.json").read_text(encoding="ascii"))
    with np.load(case.hidden / "pairs.npz") as pairs:
        counted = pairs["validates"] == (case.phase == "validate")
        if case.phase == "upstream":
            counted[:] = True
        tokens, lengths, labels = (pairs[name][counted] for name in ("tokens", "lengths", "labels"))
    model = load_model(case.submission / FOLDER, vocabulary=facts["vocabulary"], length=tokens.shape[1])
    share = proportion(int((predict(model, tokens, lengths) == labels).sum()), len(labels))
    return {"validation_accuracy": Measure(100 * share.value, 100 * (share.standard_error or 0.0))}


def predict(model: Any, tokens: Any, lengths: Any) -> Any:
    """The likeliest class of each pair; pairs of about the same length share a pass."""
    torch.set_num_threads(THREADS)
    predicted = np.empty(len(tokens), np.int64)
    order = np.argsort(lengths, kind="stable")
    for start in range(0, len(order), BATCH):
        rows = order[start : start + BATCH]
        longest = int(lengths[rows].max())
        ids = torch.from_numpy(tokens[rows, :longest].astype(np.int64))
        attended = torch.from_numpy((np.arange(longest) < lengths[rows, None]).astype(np.int64))
        with torch.inference_mode():
            logits = model(input_ids=ids, attention_mask=attended).logits
        if not torch.isfinite(logits).all():
            raise Fault("not_finite", "the model's logits are not all finite")
        predicted[rows] = logits.argmax(-1).numpy()
    return predicted


def load_model(folder: Path, *, vocabulary: int, length: int) -> Any:
    """The classifier in `folder`.

    Raises:
        Fault: a file is absent, the configuration is not allowed, or the weights are not the ones that it asks for.
    """
    for name in ("config.json", "model.safetensors"):
        if not (folder / name).is_file():
            raise Fault("missing_file", f"the submission has no file {FOLDER}/{name}")
    config = read_config(folder / "config.json", vocabulary=vocabulary, length=length)
    with torch.device("meta"):
        expected = BertForSequenceClassification(config).state_dict()
    check_tensors(folder / "model.safetensors", {name: list(tensor.shape) for name, tensor in expected.items()})
    try:
        tensors = load_file(folder / "model.safetensors")
    except (SafetensorError, ValueError, OSError) as error:
        raise Fault("not_safetensors", f"model.safetensors can't be read as safetensors: {error}") from None
    if not all(bool(torch.isfinite(tensors[name]).all()) for name in expected):
        raise Fault("not_finite", "model.safetensors holds weights that are not finite")
    model = BertForSequenceClassification(config)
    model.load_state_dict({name: tensors[name].float() for name in expected})
    return model.eval()


def read_config(path: Path, *, vocabulary: int, length: int) -> Any:
    """A configuration made of the listed values of `path` and nothing else in it.

    Raises:
        Fault: one of them is not allowed.
    """
    document = _read_object(path)
    if document.get("model_type") != "bert" or document.get("architectures") != ["BertForSequenceClassification"]:
        raise _bad_config('model_type "bert" and architectures ["BertForSequenceClassification"] are expected')
    if len(document.get("id2label") or {}) != CLASSES and document.get("num_labels") != CLASSES:
        raise _bad_config(f"{CLASSES} labels are expected, as num_labels or id2label")
    numbers = {name: _whole_number(document, name, *bounds) for name, bounds in BOUNDS.items()}
    _whole_number(document, "vocab_size", vocabulary, vocabulary)
    if numbers["max_position_embeddings"] < length:
        raise _bad_config(f"max_position_embeddings must be at least {length}, the longest pair's tokens")
    if numbers["hidden_size"] % numbers["num_attention_heads"]:
        raise _bad_config("hidden_size must be a multiple of num_attention_heads")
    activation, epsilon = document.get("hidden_act", "gelu"), document.get("layer_norm_eps", 1e-12)
    if activation not in ACTIVATIONS:
        raise _bad_config(f"hidden_act must be one of {', '.join(ACTIVATIONS)}")
    if type(epsilon) is not float or not 0 < epsilon < 1:
        raise _bad_config("layer_norm_eps must be a number between 0 and 1")
    return BertConfig(
        **numbers, vocab_size=vocabulary, hidden_act=activation, layer_norm_eps=epsilon, num_labels=CLASSES
    )


def _read_object(path: Path) -> dict[str, Any]:
    if path.stat().st_size > MAX_CONFIG:
        raise _bad_config(f"it is larger than {MAX_CONFIG} bytes")
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError):
        raise _bad_config("it is not well-formed JSON") from None
    if not isinstance(document, dict):
        raise _bad_config("it is not a JSON object")
    return document


def _whole_number(document: dict[str, Any], name: str, least: int, greatest: int) -> int:
    value = document.get(name, DEFAULTS[name])
    if type(value) is not int or not least <= value <= greatest:
        allowed = f"{least}" if least == greatest else f"{least} to {greatest}"
        raise _bad_config(f"{name} must be {allowed}")
    return value


def _bad_config(problem: str) -> Fault:
    return Fault("bad_config", f"{FOLDER}/config.json: {problem}")


def check_tensors(path: Path, expected: dict[str, list[int]]) -> None:
    """See, before anything of that size is made, that the file holds the tensors expected.

    Raises:
        Fault: it is not safetensors, or a tensor is absent or of another shape or kind.
    """
    described = _described(path)
    for name, shape in expected.items():
        tensor = described.get(name)
        if not isinstance(tensor, dict):
            raise Fault("wrong_tensors", f"{path.name} has no tensor {name}, which its configuration asks for")
        if tensor.get("shape") != shape or tensor.get("dtype") not in KINDS_OF_NUMBERS:
            found = f"{tensor.get('dtype')} {tensor.get('shape')}"[:100]
            kinds = ", ".join(KINDS_OF_NUMBERS)
            raise Fault("wrong_tensors", f"{path.name}: {name} is {found}; {shape} of {kinds} is expected")
    # What else is in the file would be read into memory, too.
    elements = sum(math.prod(shape) for shape in expected.values())
    if path.stat().st_size > 4 * elements + 2 * MAX_HEADER:
        raise Fault("wrong_tensors", f"{path.name} holds much more than the tensors of its configuration")


def _described(path: Path) -> dict[str, Any]:
    size = path.stat().st_size
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        header = file.read(length) if length <= min(size, MAX_HEADER) else b""
    try:
        described = json.loads(header)
    except (ValueError, RecursionError):
        described = None
    if not isinstance(described, dict):
        raise Fault("not_safetensors", f"{path.name} is not a safetensors file")
    return described
