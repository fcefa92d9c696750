"""MNLI's grader loads weights and a configuration, and nothing else, whatever the folder holds."""

import io
import json
import pickle
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from mlgym_mcp.tasks.spec import TaskSpec
from tests.tasks.models import judged, prepare_sample, run_program, torch_python

TASK = TaskSpec.load(Path(__file__).parents[2] / "tasks/natural-language-inference-mnli-v1")
FOLDER = "bert_mnli_model"
MAKE = """
import sys
from transformers import BertForSequenceClassification
pretrained = BertForSequenceClassification.from_pretrained(sys.argv[1], num_labels=3)
pretrained.save_pretrained(sys.argv[2])
"""
# The bias decides alone, so that the score is the share of that class.
CONSTANT = """
import sys
from safetensors.torch import load_file, save_file
tensors = load_file(sys.argv[1] + "/model.safetensors")
tensors["classifier.weight"].zero_()
tensors["classifier.bias"].copy_(tensors["classifier.bias"].new_tensor([0.0, 9.0, 0.0]))
save_file({name: tensor.half() for name, tensor in tensors.items()}, sys.argv[1] + "/constant.safetensors")
tensors["classifier.bias"][0] = float("nan")
save_file(tensors, sys.argv[1] + "/nan.safetensors")
del tensors["classifier.bias"]
save_file(tensors, sys.argv[1] + "/short.safetensors")
"""
SHARES = """
import sys
import numpy as np
with np.load(sys.argv[1] + "/pairs.npz") as pairs:
    for counted in (pairs["validates"], ~pairs["validates"], pairs["validates"] >= 0):
        print(100 * (pairs["labels"][counted] == 1).mean(), counted.sum())
"""


class Bomb:
    def __reduce__(self) -> tuple[object, ...]:
        return (print, ("verdict {}",))


@dataclass(frozen=True)
class Material:
    python: str
    hidden: Path
    model: Path

    def files(self, *, weights: str = "constant", **changes: Any) -> dict[str, str | bytes]:
        """A submission, with these weights and these changes to its configuration."""
        config = {**json.loads((self.model / "config.json").read_text()), **changes}
        content = (self.model / f"{weights}.safetensors").read_bytes()
        return {f"{FOLDER}/config.json": json.dumps(config), f"{FOLDER}/model.safetensors": content}


@pytest.fixture(scope="module")
def material(cache_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Material:
    python, root = torch_python(cache_dir), tmp_path_factory.mktemp("mnli")
    sample = prepare_sample(python, TASK, root / "sample")
    run_program(python, MAKE, str(sample / "public/bert-base-uncased"), str(root / "model"))
    run_program(python, CONSTANT, str(root / "model"))
    return Material(python, sample / "hidden", root / "model")


def test_each_phase_counts_its_own_pairs(tmp_path: Path, material: Material) -> None:
    shares = [line.split() for line in run_program(material.python, SHARES, str(material.hidden)).splitlines()]
    assert sum(int(count) for _, count in shares[:2]) == int(shares[2][1]) == 1200
    for (share, _), phase in zip(shares[:2], ("validate", "submit"), strict=True):
        root, submissions = tmp_path / phase, {"constant": material.files()}
        verdict = judged(root, material.python, TASK, material.hidden, submissions, phase=phase)["constant"]
        assert verdict["scores"]["validation_accuracy"] == pytest.approx(float(share))
        assert verdict["standard_error"]["validation_accuracy"] > 1


def test_no_configuration_exhausts_the_judge_or_runs_code(tmp_path: Path, material: Material) -> None:
    cases: dict[str, tuple[dict[str, Any], str]] = {
        "deep": ({"num_hidden_layers": 10**9}, "num_hidden_layers must be 1 to 24"),
        "wide": ({"hidden_size": 2**40}, "hidden_size must be 1 to 1024"),
        "negative": ({"intermediate_size": -1}, "intermediate_size must be 1 to 4096"),
        "truth": ({"num_hidden_layers": True}, "num_hidden_layers must be 1 to 24"),
        "huge": ({"vocab_size": 2**31}, "vocab_size must be "),
        "short": ({"max_position_embeddings": 64}, "max_position_embeddings must be at least 128"),
        "uneven": ({"num_attention_heads": 3}, "hidden_size must be a multiple of num_attention_heads"),
        "activation": ({"hidden_act": "__import__"}, "hidden_act must be one of gelu"),
        "epsilon": ({"layer_norm_eps": "0"}, "layer_norm_eps must be a number between 0 and 1"),
        "kind": ({"model_type": "llama"}, 'model_type "bert"'),
        "class": ({"architectures": ["BertModel"]}, 'architectures ["BertForSequenceClassification"]'),
        "labels": ({"id2label": {"0": "yes"}}, "3 labels are expected"),
    }
    submissions = {name: material.files(**changes) for name, (changes, _) in cases.items()}
    verdicts = judged(tmp_path, material.python, TASK, material.hidden, submissions)
    for name, (_, message) in cases.items():
        assert (verdicts[name]["outcome"], verdicts[name]["code"]) == ("submission_fault", "bad_config"), name
        assert message in verdicts[name]["message"]


def test_entries_that_would_fetch_code_have_no_effect(tmp_path: Path, material: Material) -> None:
    changes: dict[str, Any] = {
        "auto_map": {"AutoModel": "evil.Model"},
        "trust_remote_code": True,
        "_name_or_path": "elsewhere",
    }
    files = {**material.files(**changes), f"{FOLDER}/evil.py": "print('verdict {}')"}
    verdicts = judged(tmp_path, material.python, TASK, material.hidden, {"evil": files})
    assert verdicts["evil"]["outcome"] == "scored"


def linked() -> bytes:
    """A tar whose weights are a symbolic link to the labels."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        member = tarfile.TarInfo(f"{FOLDER}/model.safetensors")
        member.type, member.linkname = tarfile.SYMTYPE, "/hidden/pairs.npz"
        tar.addfile(member)
    return buffer.getvalue()


def test_weights_that_are_not_those_described_are_a_precise_fault(tmp_path: Path, material: Material) -> None:
    good = material.files()
    header = json.dumps({"w": {"dtype": "F32", "shape": [2**40], "data_offsets": [0, 2**42]}}).encode()
    bomb = len(header).to_bytes(8, "little") + header
    weights = f"{FOLDER}/model.safetensors"
    whole = (material.model / "constant.safetensors").read_bytes()
    cases: dict[str, tuple[Mapping[str, str | bytes] | bytes, str, str]] = {
        "pickle": ({**good, weights: pickle.dumps(Bomb())}, "not_safetensors", "is not a safetensors file"),
        "empty": ({**good, weights: b""}, "not_safetensors", "is not a safetensors file"),
        "cut": ({**good, weights: whole[:-4]}, "not_safetensors", "can't be read as safetensors"),
        "bomb": ({**good, weights: bomb}, "wrong_tensors", "has no tensor bert.embeddings"),
        "padded": ({**good, weights: whole + bytes(2**23)}, "wrong_tensors", "holds much more"),
        "short": (material.files(weights="short"), "wrong_tensors", "has no tensor classifier.bias"),
        "nan": (material.files(weights="nan"), "not_finite", "weights that are not finite"),
        "other": (material.files(num_hidden_layers=3), "wrong_tensors", "has no tensor bert.encoder.layer.2."),
        "wider": (material.files(intermediate_size=256), "wrong_tensors", "[256, 64] of F32, F16, BF16 is expected"),
        "json": ({**good, f"{FOLDER}/config.json": "[" * 9999}, "bad_config", "not well-formed JSON"),
        "large": ({**good, f"{FOLDER}/config.json": " " * 70000}, "bad_config", "larger than 65536 bytes"),
        "absent": ({weights: good[weights]}, "missing_file", f"no file {FOLDER}/config.json"),
        "torch": ({f"{FOLDER}/pytorch_model.bin": b"", f"{FOLDER}/config.json": "{}"}, "missing_file", "safetensors"),
        "link": (linked(), "bad_archive", "is not a regular file or folder"),
    }
    submissions = {name: files for name, (files, _, _) in cases.items()}
    verdicts = judged(tmp_path, material.python, TASK, material.hidden, submissions)
    for name, (_, code, message) in cases.items():
        assert (verdicts[name]["outcome"], verdicts[name]["code"]) == ("submission_fault", code), (name, verdicts[name])
        assert message in verdicts[name]["message"], name


def test_the_sample_has_the_form_of_the_full_data(material: Material) -> None:
    public = material.hidden.parent / "public"
    lines = (public / "train.jsonl").read_text().splitlines()
    assert len(lines) == 6000 and set(json.loads(lines[0])) == {"premise", "hypothesis", "label"}
    assert {path.name for path in (public / "bert-base-uncased").iterdir()} == {
        "config.json",
        "model.safetensors",
        "vocab.txt",
    }
