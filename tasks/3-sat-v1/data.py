"""Random 3-SAT instances around the threshold: some for the agent to try out, others for the judge."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

VARIABLES = range(3, 11)
RATIOS = range(2, 12)
"""Clauses per variable."""
COUNTS = {"full": 300, "sample": 30}
"""Instances of the judge with the same number of variables and the same ratio."""
PUBLIC_COUNT = 30
PUBLIC_SEED = 20_250_213
VALIDATE_SHARE = 0.3

README = """\
instances.jsonl  {count} instances, one JSON object a line:
                   variables    how many there are, numbered from 1
                   clauses      lists of three literals: v for the variable v, -v for its negation
                   satisfiable  whether some assignment satisfies all clauses

Origin: drawn at random, {each} for each number of variables from {fewest} to {most} and each ratio of clauses to
variables from {lowest} to {highest}. The three variables of a clause differ; variables and signs are drawn evenly;
a clause may come twice. The judge's instances are others, drawn in the same way.
"""

Clauses = list[list[int]]


def prepare(flavour: str, sources: Path, out: Path, seed: int) -> None:
    """Write public/ and hidden/; `seed` draws what is hidden, instances and split."""
    public = [described(*instance) for instance in drawn(PUBLIC_COUNT, random.Random(PUBLIC_SEED))]
    _write(out / "public/instances.jsonl", public)
    readme = README.format(
        count=len(public),
        each=PUBLIC_COUNT,
        fewest=VARIABLES[0],
        most=VARIABLES[-1],
        lowest=RATIOS[0],
        highest=RATIOS[-1],
    )
    (out / "public/README").write_text(readme, encoding="utf-8")
    each = COUNTS[flavour]
    hidden = []
    # Within a cell all instances are alike, so the first 30 % of each are as good a sample as any.
    for number, instance in enumerate(drawn(each, random.Random(seed))):
        part = "validate" if number % each < round(VALIDATE_SHARE * each) else "submit"
        hidden.append({**described(*instance), "part": part})
    _write(out / "hidden/instances.jsonl", hidden)


def drawn(each: int, rng: random.Random) -> Iterator[tuple[int, Clauses]]:
    """Numbers of variables and clauses: `each` instances of every number and ratio, one cell after another."""
    for variables in VARIABLES:
        for ratio in RATIOS:
            for _ in range(each):
                yield variables, [_clause(variables, rng) for _ in range(ratio * variables)]


def _clause(variables: int, rng: random.Random) -> list[int]:
    return [variable if rng.random() < 0.5 else -variable for variable in rng.sample(range(1, variables + 1), 3)]


def described(variables: int, clauses: Clauses) -> dict[str, Any]:
    """An instance as it is written."""
    return {"variables": variables, "satisfiable": is_satisfiable(variables, clauses), "clauses": clauses}


def is_satisfiable(variables: int, clauses: Sequence[Sequence[int]]) -> bool:
    """Whether some assignment satisfies all clauses; all of them are tried, each a bit of one large number."""
    size = 1 << variables
    everything = (1 << size) - 1
    false = {}
    for variable in range(1, variables + 1):
        run = 1 << (variable - 1)
        # Assignment i gives the variable the bit (i >> (variable - 1)) & 1: runs of `run` zeros, then as many ones.
        false[variable] = everything // ((1 << (2 * run)) - 1) * ((1 << run) - 1)
        false[-variable] = everything ^ false[variable]
    left = everything
    for one, other, third in clauses:
        left &= ~(false[one] & false[other] & false[third])
    return left != 0


def _write(path: Path, instances: Sequence[dict[str, Any]]) -> None:
    with path.open("w", encoding="ascii") as file:
        for instance in instances:
            file.write(json.dumps(instance, separators=(",", ":")) + "\n")
