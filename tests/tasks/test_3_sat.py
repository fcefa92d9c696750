"""3-SAT: the judge's solver beside a recursive one, its instances, and heuristics in real contestants."""

import gc
import importlib.util
import json
import random
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from judging import Case, Contestant, Measure
from questions import heuristic
from submission import Submission
from wire import Array, Header

from mlgym_mcp.tasks.spec import TaskSpec
from tests.runners.stage import open_stage, pack

TASK = TaskSpec.load(Path(__file__).parents[2] / "tasks/3-sat-v1")
GRADER = TASK.grader.read_text().replace("MOST_PASSES = 2, 7", "MOST_PASSES = 2, 2")
BASELINE = TASK.baseline_files()["heuristic.py"].read_text()
INSTANCES = (
    '{"variables":3,"satisfiable":true,"part":"validate","clauses":[[1,2,3],[-1,-2,3],[1,-2,-3]]}\n'
    '{"variables":3,"satisfiable":true,"part":"submit","clauses":[[-1,-2,-3],[-1,-2,3]]}\n'
    '{"variables":3,"satisfiable":false,"part":"submit","clauses":'
    "[[1,2,3],[1,2,-3],[1,-2,3],[1,-2,-3],[-1,2,3],[-1,2,-3],[-1,-2,3],[-1,-2,-3]]}\n"
)
LOAD = "def heuristic_fn(clauses, assignments, conflict_count, assignment_history, level):\n"
FIRST = "min({abs(x) for clause in clauses for x in clause} - assignments.keys())"
Heuristic = Callable[..., tuple[int, bool]]


@cache
def module(name: str) -> ModuleType:
    """One of the task's programs."""
    spec = importlib.util.spec_from_file_location(f"three_sat_{Path(name).stem}", TASK.folder / name)
    assert spec and spec.loader
    made = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = made
    spec.loader.exec_module(made)
    return made


def solved(root: Path, text: str, *, phase: str = "validate", instances: str = INSTANCES) -> dict[str, Any]:
    artefact, hidden = pack({"heuristic.py": text}), {"instances.jsonl": instances}
    with open_stage(root, grader=GRADER, artefact=artefact, hidden=hidden) as stage:
        return stage.grade(kind="code", phase=phase)


def returning(expression: str) -> str:
    return f"{LOAD}    return {expression}\n"


def most_frequent(clauses: Any, assignments: Any, conflicts: Any, history: Any, level: Any) -> tuple[int, bool]:
    counts: dict[int, int] = {}
    for clause in clauses:
        for literal in clause:
            if abs(literal) not in assignments:
                counts[literal] = counts.get(literal, 0) + 1
    chosen = max(counts, key=lambda literal: counts[literal])
    return abs(chosen), chosen > 0


def most_conflicts(clauses: Any, assignments: Any, conflicts: Any, history: Any, level: Any) -> tuple[int, bool]:
    chosen = max(conflicts.keys() - assignments.keys(), key=lambda variable: (conflicts[variable], variable))
    return chosen, len(level) % 2 == 0


def of_all_it_is_told(*told: Any) -> tuple[int, bool]:
    """Depends on every argument, and on its order."""
    clauses, assignments, conflicts, history, level = told
    draw = random.Random(repr([clauses, list(assignments.items()), list(conflicts.items()), history, level]))
    return draw.choice(sorted(conflicts.keys() - assignments.keys())), draw.random() < 0.5


class Local(Submission):
    """A submission whose function is in this process."""

    def __init__(self, heuristic_fn: Heuristic) -> None:
        super().__init__(Path(), 0)
        self._heuristic_fn = heuristic_fn

    def function(self, file: str, name: str) -> Heuristic:
        assert (file, name) == ("heuristic.py", "heuristic_fn")
        return self._heuristic_fn


class Direct:
    """A contestant in this process that also records what the heuristic is told."""

    def __init__(self, function: Heuristic) -> None:
        self.calls: list[str] = []
        self._submission = Local(recorded(function, self.calls))

    def ask(self, header: Header, arrays: Any = (), *, limit: float = 60.0) -> tuple[Header, list[Array]]:
        told, answer = heuristic.answer(self._submission, header, arrays)
        return told, list(answer)


class Timed:
    """A contestant whose every answer takes `seconds` of a clock that stands still otherwise."""

    def __init__(self, clock: list[float], seconds: float) -> None:
        self._clock = clock
        self._seconds = seconds
        self._inner = Direct(module("baseline/heuristic.py").heuristic_fn)

    def ask(self, header: Header, arrays: Any = (), *, limit: float = 60.0) -> tuple[Header, list[Array]]:
        self._clock[0] += self._seconds
        return self._inner.ask(header, arrays, limit=limit)


def timed(folder: Path, monkeypatch: pytest.MonkeyPatch, seconds: Callable[[int], float]) -> tuple[Measure, int]:
    """The time measured of the baseline, by a clock of the test, and how many contestants there were.

    `seconds`: what the i-th takes for an answer; the even ones are the baseline's own.
    """
    grader = module("grader.py")
    clock = [0.0]
    monkeypatch.setattr(grader, "perf_counter", lambda: clock[0])
    monkeypatch.setattr(grader, "process_time", lambda: 0.0)
    for name, text in {"hidden/instances.jsonl": INSTANCES, "submission/heuristic.py": ""}.items():
        (folder / name).parent.mkdir()
        (folder / name).write_text(text)
    contestants: dict[int, Timed] = {}

    def contestant(index: int) -> Contestant:
        return contestants.setdefault(index, Timed(clock, seconds(index)))

    case = Case(folder / "submission", folder / "hidden", "upstream", "full", 1, contestant)
    try:
        measured: Measure = grader.grade(case)["time"]
    finally:
        gc.enable()
    return measured, len(contestants)


def recorded(function: Heuristic, calls: list[str]) -> Heuristic:
    def call(*told: Any) -> tuple[int, bool]:
        calls.append(repr(told))
        return function(*told)

    return call


@pytest.mark.parametrize("function", [most_frequent, most_conflicts, of_all_it_is_told])
def test_the_judges_solver_asks_and_answers_as_a_recursive_one_does(function: Heuristic) -> None:
    grader, data, solver = module("grader.py"), module("data.py"), module("starter/solver.py")
    asked = 0
    for variables, clauses in data.drawn(3, random.Random(7)):
        calls: list[str] = []
        direct = solver.Solver(variables, clauses, recorded(function, calls))
        truth = direct.solve()
        contestant = Direct(function)
        instance = grader.Instance(variables, tuple(map(tuple, clauses)), truth)
        taken = grader.run_pass(contestant, {"file": "heuristic.py"}, [instance])
        assert contestant.calls == calls and taken.decisions == [direct.decisions]
        assert truth is data.is_satisfiable(variables, clauses)
        asked += len(calls)
    assert asked > 500


def test_a_clause_is_told_until_it_holds_and_levels_say_what_followed() -> None:
    grader = module("grader.py")
    contestant = Direct(lambda clauses, assignments, *_: (max(clauses[0][-1], 2), False) if assignments else (1, True))
    instance = grader.Instance(5, ((-1, 2, 3), (1, 4, 5), (-1, -2, 4), (-2, -3, 5), (-4, 2, 5)), True)
    assert grader.run_pass(contestant, {"file": "heuristic.py"}, [instance]).decisions == [len(contestant.calls)]
    assert contestant.calls[0].endswith("{}, {1: 0, 2: 0, 3: 0, 4: 0, 5: 0}, [], [])")
    assert contestant.calls[1].startswith("([[-1, 2, 3], [-1, -2, 4], [-2, -3, 5], [-4, 2, 5]], {1: True}")
    assert contestant.calls[1].endswith("[1], [[1]])")


def test_truth_is_found_by_trying_everything() -> None:
    data = module("data.py")
    everything = [[a, b, c] for a in (1, -1) for b in (2, -2) for c in (3, -3)]
    assert data.is_satisfiable(10, []) and not data.is_satisfiable(3, everything)
    for left_out in everything:
        assert data.is_satisfiable(5, [clause for clause in everything if clause != left_out])


def test_prepared_data_has_the_cells_the_split_and_no_secret_in_public(tmp_path: Path) -> None:
    for place, seed in (("a", 1), ("b", 2)):
        for part in ("public", "hidden"):
            (tmp_path / place / part).mkdir(parents=True)
        module("data.py").prepare("sample", tmp_path, tmp_path / place, seed)
    first, other = (read(tmp_path / place / "hidden/instances.jsonl") for place in ("a", "b"))
    public = read(tmp_path / "a/public/instances.jsonl")
    assert public == read(tmp_path / "b/public/instances.jsonl")
    assert len(first) == len(public) == 2400 and first != other
    cells: dict[tuple[int, int], list[str]] = {}
    for one in first:
        assert all(len({abs(literal) for literal in clause}) == 3 for clause in one["clauses"])
        cells.setdefault((one["variables"], len(one["clauses"]) // one["variables"]), []).append(one["part"])
    assert cells.keys() == {(variables, ratio) for variables in range(3, 11) for ratio in range(2, 12)}
    assert {(parts.count("validate"), len(parts)) for parts in cells.values()} == {(9, 30)}
    hidden = {json.dumps(one["clauses"]) for one in first if one["variables"] > 4}
    assert not hidden & {json.dumps(one["clauses"]) for one in public}
    # 10,278 of the original's 24,000 can be satisfied: of 2,400, 1,028, and 24 more or less is one standard deviation.
    assert abs(sum(one["satisfiable"] for one in first) - 1028) < 4.5 * 24


def read(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="ascii").splitlines()]


def test_the_baseline_takes_as_many_decisions_as_the_originals() -> None:
    grader, data = module("grader.py"), module("data.py")
    instances = [
        grader.Instance(variables, tuple(map(tuple, clauses)), data.is_satisfiable(variables, clauses))
        for variables, clauses in data.drawn(30, random.Random(3))
    ]
    taken = grader.run_pass(Direct(most_frequent), {"text": BASELINE}, instances)
    # 86,097 for 23,997 instances; the standard deviation over instances is 2.6.
    assert abs(sum(taken.decisions) / len(instances) - 86_097 / 23_997) < 4.5 * 2.6 / len(instances) ** 0.5
    assert TASK.baselines.of("full", "strict")["decisions"] == pytest.approx(86_097 / 23_997, abs=0.03)


def test_the_baseline_that_the_judge_measures_is_the_tasks() -> None:
    assert module("grader.py").BASELINE == BASELINE


def test_each_phase_counts_its_own_instances(tmp_path: Path) -> None:
    with open_stage(
        tmp_path,
        grader=GRADER,
        artefact=pack({"heuristic.py": returning(f"{FIRST}, True")}),
        hidden={"instances.jsonl": INSTANCES},
    ) as stage:
        validate, submit, upstream = (
            stage.grade(kind="code", phase=phase)["scores"]["decisions"] for phase in ("validate", "submit", "upstream")
        )
    assert validate == 2
    assert upstream == pytest.approx((validate + 2 * submit) / 3)


def test_time_is_the_share_of_the_baselines_in_the_originals_seconds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    measured, contestants = timed(tmp_path, monkeypatch, lambda index: 0.1 if index % 2 else 0.2)
    assert measured.value == pytest.approx(16.158 / 2)
    assert measured.standard_error == pytest.approx(0)
    assert contestants == 14


def test_slowing_the_later_passes_of_the_baseline_gains_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    measured, _ = timed(tmp_path, monkeypatch, lambda index: 0.7 if index and index % 2 == 0 else 0.1)
    assert measured.value == pytest.approx(16.158)
    assert measured.standard_error and measured.standard_error > 1


def test_slow_heuristics_are_measured_twice_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _, contestants = timed(tmp_path, monkeypatch, lambda index: 20.0 if index % 2 else 0.1)
    assert contestants == 4


def test_the_starter_is_valid(tmp_path: Path) -> None:
    assert solved(tmp_path, TASK.starter_files()["heuristic.py"].read_text())["outcome"] == "scored"


@pytest.mark.parametrize(
    ("returned", "code", "message"),
    [
        (
            "None",
            "raised",
            "heuristic_fn returned None (NoneType); a pair of a variable, an int, and a bool is expected",
        ),
        ("None, True", "raised", "heuristic_fn returned (None, True) (tuple)"),
        ("1", "raised", "heuristic_fn returned 1 (int)"),
        ("1, True, 2", "raised", "heuristic_fn returned (1, True, 2) (tuple)"),
        ("1, None", "raised", "heuristic_fn returned (1, None) (tuple)"),
        ("1, 2", "raised", "heuristic_fn returned (1, 2) (tuple)"),
        ("1.0, True", "raised", "heuristic_fn returned (1.0, True) (tuple)"),
        ("float('nan'), True", "raised", "heuristic_fn returned (nan, True) (tuple)"),
        ("True, True", "raised", "heuristic_fn returned (True, True) (tuple)"),
        ("10 ** 30, True", "raised", "heuristic_fn returned (1000000000000000000000000000000, True)"),
        ("0, True", "bad_answer", "returned variable 0, which the instance lacks; 1 to 3 are there"),
        ("4, True", "bad_answer", "returned variable 4, which the instance lacks; 1 to 3 are there"),
        ("-1, True", "bad_answer", "returned variable -1, which the instance lacks"),
        ("1, True", "bad_answer", "returned variable 1, which has a value already"),
        ("1 / 0", "raised", "heuristic.py, line 2: ZeroDivisionError: division by zero"),
    ],
)
def test_a_decision_that_is_not_allowed_is_a_fault(tmp_path: Path, returned: str, code: str, message: str) -> None:
    verdict = solved(tmp_path, returning(returned))
    assert (verdict["outcome"], verdict["code"]) == ("submission_fault", code)
    assert message in verdict["message"]


@pytest.mark.parametrize("files", [{"other.py": ""}, {"heuristic.py": BASELINE, "random.py": ""}])
def test_a_submission_of_other_files_is_a_fault(tmp_path: Path, files: dict[str, str]) -> None:
    hidden = {"instances.jsonl": INSTANCES}
    with open_stage(tmp_path, grader=GRADER, artefact=pack(files), hidden=hidden) as stage:
        verdict = stage.grade(kind="code")
    assert (verdict["outcome"], verdict["code"]) == ("submission_fault", "wrong_files")
    assert verdict["message"] == "the submission is expected to be the file heuristic.py and nothing else"
