"""A language model is scored by what it claims and by its audit, with the real judge and real contestants."""

import json
import math
import shutil
from array import array
from pathlib import Path

import pytest

from tests.runners.stage import open_stage, pack
from tests.tasks.models import prepare_sample, run_program, torch_python
from tests.tasks.small_language import LENGTH, LIKELY, PARTS, TASK, VOCABULARY, WINDOWS, scored, stream


def expected(phase: str) -> float:
    """The honest model's loss on the windows of a phase, from the definition."""
    tokens, losses = stream(), []
    for place in range(WINDOWS * LENGTH):
        if phase == "upstream" or PARTS[place // LENGTH] == phase[0]:
            follows = tokens[place + 1] == (2 * tokens[place] + 1) % VOCABULARY
            losses.append(-math.log(LIKELY if follows else 0.5 / VOCABULARY))
    return math.fsum(losses) / len(losses)


@pytest.fixture(scope="module")
def python(cache_dir: Path) -> str:
    return torch_python(cache_dir)


@pytest.mark.parametrize("phase", ["validate", "submit", "upstream"])
def test_an_honest_model_gets_its_loss_on_the_windows_of_the_phase(tmp_path: Path, python: str, phase: str) -> None:
    verdict = scored(tmp_path, python, "", phase=phase)
    assert verdict["scores"]["val_loss"] == pytest.approx(expected(phase), abs=1e-5)
    assert 0.01 < verdict["standard_error"]["val_loss"] < 0.2


def test_a_lie_within_rounding_gains_nothing(tmp_path: Path, python: str) -> None:
    lie = "    def log_probs(self, tokens, targets):\n        return TABLE[tokens, targets] + np.float32(0.015)\n"
    assert scored(tmp_path, python, lie)["scores"]["val_loss"] == pytest.approx(expected("validate"), abs=1e-5)


def test_half_precision_is_no_lie(tmp_path: Path, python: str) -> None:
    rough = "    def next_logits(self, prefixes):\n        return super().next_logits(prefixes).astype(np.float16)\n"
    assert scored(tmp_path, python, rough)["outcome"] == "scored"


def test_the_sample_has_the_form_of_the_full_data_and_a_split_of_its_windows(tmp_path: Path, python: str) -> None:
    sample = prepare_sample(python, TASK, tmp_path / "sample")
    shard = (sample / "public/fineweb_train_000002.bin").read_bytes()
    assert array("i", shard[:12]).tolist() == [20240520, 1, 500_000] and len(shard) == 1024 + 2 * 500_000
    assert json.loads((sample / "public/facts.json").read_text()) == {"vocabulary": 1024, "length": 128}
    plan = json.loads((sample / "hidden/windows.json").read_text())
    assert (plan["parts"].count("v"), plan["parts"].count("s")) == (180, 420)
    assert (sample / "hidden/tokens.bin").stat().st_size == 2 * (600 * 128 + 1)


def test_the_starters_model_is_as_good_as_it_claims(tmp_path: Path, python: str) -> None:
    sample = prepare_sample(python, TASK, tmp_path / "sample")
    work = tmp_path / "work"
    shutil.copytree(TASK.folder / "starter", work)
    program = (
        f"import runpy, sys; sys.path.insert(0, '.'); sys.argv[1:] = ['--data', {str(sample / 'public')!r}, "
        "'--steps', '5', '--width', '32']; runpy.run_path('train.py', run_name='__main__')"
    )
    run_program(python, program, cwd=work)
    artefact = pack({name: (work / name).read_bytes() for name in ("model.py", "model.safetensors")})
    hidden = {path.name: path.read_bytes() for path in (sample / "hidden").iterdir()}
    stage_root = tmp_path / "stage"
    with open_stage(
        stage_root, grader=TASK.grader.read_text(), artefact=artefact, hidden=hidden, python=python
    ) as stage:
        verdict = stage.grade(kind="model")
    assert 4 < verdict["scores"]["val_loss"] < 7
