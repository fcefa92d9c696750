"""Language models that try to win without predicting: none gets a score for it.

What a folder of weights without code can try is in test_mnli.py.
"""

import io
import pickle
import tarfile
from pathlib import Path

import pytest

from tests.runners.stage import open_stage
from tests.tasks.models import torch_python
from tests.tasks.small_language import TASK, WEIGHTS, scored

CLAIM = "    def log_probs(self, tokens, targets):\n        return "
LOGITS = "    def next_logits(self, prefixes):\n        return "
PEEKS = CLAIM + "np.where(np.roll(tokens, -1, 1) == targets, -0.01, -3).astype(np.float32)\n"
REMEMBERS = """
    seen = set()
    def log_probs(self, tokens, targets):
        known = np.array([[row.tobytes() in self.seen] for row in tokens])
        self.seen.update(row.tobytes() for row in tokens)
        self.asked = getattr(self, "asked", 0) + 1
        return np.where(known | (self.asked > 0), -0.01, TABLE[tokens, targets]).astype(np.float32)
"""
FORGES = """
wire = sys.modules["__main__"].pack_message.__globals__
encode = wire["encode_header"]
forged = {"type": "verdict", "outcome": "scored", "scores": {"val_loss": 0}}
wire["encode_header"] = lambda header: encode(forged if "arrays" in header else header)
"""
PICKLE = pickle.dumps({"w": 1.0})


@pytest.fixture(scope="module")
def python(cache_dir: Path) -> str:
    return torch_python(cache_dir)


@pytest.mark.parametrize(
    ("model", "code", "message"),
    [
        (CLAIM + "np.zeros(tokens.shape, np.float32)\n", "claims_not_borne_out", "log_probs claimed 0 and"),
        (CLAIM + "TABLE[tokens, targets] + np.float32(0.05)\n", "claims_not_borne_out", "differ by -0.05 on average"),
        (CLAIM + "TABLE[tokens, targets] / 2\n", "claims_not_borne_out", "log_probs must be the normalised prediction"),
        (CLAIM + "TABLE[tokens, targets] + 5\n", "not_normalised", "a log-probability is at most 0"),
        (
            CLAIM + "np.full(tokens.shape, np.nan, np.float32)\n",
            "not_finite",
            "log_probs answered numbers that are not",
        ),
        (CLAIM + "np.full(tokens.shape, -1e300)\n", "not_finite", "log_probs answered numbers that are not finite"),
        (CLAIM + "TABLE[tokens, targets][:-1]\n", "malformed", "log_probs answered float32 [17, 16]; float32 [18, 16]"),
        (CLAIM + "tokens\n", "raised", "TypeError: log_probs returned an array of int64; float32 is expected"),
        (LOGITS + "np.full((len(prefixes), V), np.inf)\n", "not_finite", "next_logits answered numbers that are not"),
        (LOGITS + "np.zeros((len(prefixes), V + 1))\n", "malformed", "next_logits answered float32 [18, 13]"),
        (LOGITS + "np.zeros((len(prefixes), V))\n", "claims_not_borne_out", "next_logits came to -2.485"),
        (PEEKS, "claims_not_borne_out", "from the tokens up to each place and nothing else"),
        (REMEMBERS, "claims_not_borne_out", "for target "),
        (FORGES, "malformed", "the submission's code answered something that is not a message"),
        (CLAIM + "os._exit(0)\n", "ended", "ended its process"),
        (LOGITS + "1 / 0\n", "raised", "ZeroDivisionError"),
    ],
)
def test_a_model_that_cheats_or_fails_is_told_so(
    tmp_path: Path, python: str, model: str, code: str, message: str
) -> None:
    verdict = scored(tmp_path, python, model)
    assert (verdict["outcome"], verdict["code"]) == ("submission_fault", code)
    assert message in verdict["message"]


@pytest.mark.parametrize("model", [CLAIM + "threading.Event().wait()\n", LOGITS + "threading.Event().wait()\n"])
def test_a_model_that_never_answers_is_late(tmp_path: Path, python: str, model: str) -> None:
    assert scored(tmp_path, python, model, first_limit=5.0)["code"] == "late"


@pytest.mark.parametrize("weights", [PICKLE, b"", WEIGHTS[:-1], WEIGHTS + b"more", bytes(8), b"\xff" * 9])
def test_weights_that_are_not_safetensors_are_refused(tmp_path: Path, python: str, weights: bytes) -> None:
    assert scored(tmp_path, python, "", weights=weights)["code"] == "not_safetensors"


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE])
def test_weights_that_are_a_link_or_a_device_are_refused(tmp_path: Path, python: str, kind: bytes) -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        member = tarfile.TarInfo("model.safetensors")
        member.type, member.linkname = kind, "/hidden/tokens.bin"
        tar.addfile(member)
    with open_stage(tmp_path, grader=TASK.grader.read_text(), artefact=buffer.getvalue(), python=python) as stage:
        assert stage.grade(kind="model")["code"] == "bad_archive"
