"""The main job on real input, end to end: what attempts at the shipped tasks come to."""

import os
from pathlib import Path
from typing import Any, Literal

import pytest

from tests.gateway import BACKENDS, GARMENTS, Gateway, garments, open_gateway

SEXES = "battle-of-the-sexes-v1"
BASELINE = Path(__file__).parents[1] / "tasks" / SEXES / "baseline/strategy.py"
TRAIN = """
import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier

pool = lambda images: images.reshape(-1, 14, 2, 14, 2).mean(axis=(2, 4)).reshape(len(images), -1).astype(np.uint8)
train, labels, test = (np.load(f"/data/{name}.npy") for name in ("train_images", "train_labels", "test_images"))
model = HistGradientBoostingClassifier(max_iter=25, learning_rate=0.2, early_stopping=False, random_state=0)
model.fit(pool(train)[:20000], labels[:20000])
np.savetxt("submission.csv", model.predict(pool(test)), fmt="%d", header="label", comments="")
"""
CONSTANT = "{ echo label; yes 3 | head -10000; } > submission.csv"


async def play(gateway: Gateway, strategy: str) -> dict[str, Any]:
    session = await gateway.start(SEXES)
    await gateway.create(session, "strategy.py", strategy)
    return await gateway.score("submit", session)


@pytest.mark.parametrize("sandbox", BACKENDS)
@pytest.mark.parametrize(
    ("strategy", "expected"),
    [
        ("def row_strategy(history): return 0", 1.44),
        ("def row_strategy(history): return 1", 0.82),
        (BASELINE.read_text(), 1.02104),
    ],
    ids=["always 0", "always 1", "the baseline"],
)
async def test_ten_thousand_games_come_to_what_theory_says(
    tmp_path: Path, cache_dir: Path, sandbox: Literal["bubblewrap", "docker"], strategy: str, expected: float
) -> None:
    async with open_gateway(tmp_path, cache_dir, sandbox=sandbox) as gateway:
        facts = await play(gateway, strategy)
    # Every session draws anew: of a hundred thousand correct ones less than one is 4.5 standard errors off.
    error = facts["standard_error"]["score"]
    assert abs(facts["scores"]["score"] - expected) < 4.5 * error and 0 < error < 0.005
    assert abs(facts["upstream_scores"]["score"] - expected) < 0.015


async def test_a_classifier_written_in_the_sandbox_learns_the_real_fashion_mnist(
    tmp_path: Path, cache_dir: Path
) -> None:
    async with open_gateway(tmp_path, cache_dir, tasks_dirs=(garments(tmp_path),)) as gateway:
        session = await gateway.start(GARMENTS, flavour="full")
        await gateway.create(session, "train.py", TRAIN)
        shown = await gateway.bash(session, "python train.py")
        while "still running as job" in shown:
            job = shown.split("still running as job ")[1].split(";")[0]
            shown = str(await gateway.call("job", session=session, job=job, action="wait", wait_s=50))
        validated = await gateway.score("validate", session)
        submitted = await gateway.score("submit", session)
    assert validated["scores"]["accuracy"] > 0.85 and submitted["scores"]["accuracy"] > 0.85
    assert submitted["upstream_scores"]["accuracy"] > 0.85
    assert 0 < submitted["reward"] < 1


async def test_a_constant_answer_is_worth_a_tenth_on_every_part(tmp_path: Path, cache_dir: Path) -> None:
    async with open_gateway(tmp_path, cache_dir, tasks_dirs=(garments(tmp_path),)) as gateway:
        session = await gateway.start(GARMENTS, flavour="full")
        await gateway.bash(session, CONSTANT)
        validated = await gateway.score("validate", session)
        submitted = await gateway.score("submit", session)
    for scores in (validated["scores"], submitted["scores"], submitted["upstream_scores"]):
        assert scores["accuracy"] == pytest.approx(0.10)
    assert submitted["reward"] == -1.0


async def test_a_gigabyte_of_output_costs_the_server_no_memory(tmp_path: Path, cache_dir: Path) -> None:
    async with open_gateway(tmp_path, cache_dir) as gateway:
        session = await gateway.start("regression-house-price-v1", flavour="sample")  # it has the disk for it
        await gateway.bash(session, "head -c 1000000 /dev/zero | tr '\\0' 'y'")
        before = resident()
        shown = await gateway.bash(session, "head -c 1000000000 /dev/zero | tr '\\0' 'x'")
        grown = resident() - before
        counted = await gateway.bash(session, "wc -c < /outputs/j2.log")
    assert grown < 20_000_000
    assert len(shown) < 17_000 and "bytes left out; all of it: /outputs/j2.log" in shown
    assert counted.startswith("1000000000")


def resident() -> int:
    """Bytes of this process in memory; the server runs in it."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")
