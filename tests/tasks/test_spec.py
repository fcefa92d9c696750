"""A task.yaml is read into values, or refused with the file, the field, and what was expected."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from mlgym_mcp.errors import TaskSpecError
from mlgym_mcp.tasks.spec import TaskSpec, parse_size

WriteFiles = Callable[[dict[str, str]], Path]

MINIMAL: dict[str, Any] = {
    "id": "toy-v1",
    "title": "Toy",
    "domain": "toys",
    "environment": {"profile": "plain"},
    "resources": {"memory": "1GiB", "disk": "512MiB"},
    "submission": {"files": ["a.csv"], "kind": "data", "max_size": "1MiB"},
    "metrics": [{"name": "loss", "goal": "minimize", "ranks": True}, {"name": "rows", "goal": "maximize"}],
    "baselines": {"full": {"strict": {"loss": 2.0, "rows": 10}}, "sample": {"loss": 2.5}},
    "target": {"value": 1.0, "source": "somewhere"},
    "comparable": {"value": False, "why": "nothing was published"},
}
SOURCE = {"name": "rows.csv", "checksum": "unverified"}


def toy(write_files: WriteFiles, **changes: Any) -> Path:
    """A task's folder whose task.yaml differs from the minimal one by `changes`; None leaves a field out."""
    document = {name: value for name, value in {**MINIMAL, **changes}.items() if value is not None}
    texts = {"task.yaml": yaml.safe_dump(document), "brief.md": "Brief.", "data.py": "", "grader.py": "grader"}
    return write_files({f"toy-v1/{name}": text for name, text in texts.items()}) / "toy-v1"


def test_a_minimal_task_is_read_with_its_defaults(write_files: WriteFiles) -> None:
    task = TaskSpec.load(toy(write_files))
    assert (task.resources.memory, task.resources.disk, str(task.resources.network)) == (2**30, 2**29, "none")
    assert (task.budget.steps, task.budget.command_time, task.budget.validations) == (50, 1800, None)
    assert (task.ranking.name, task.brief) == ("loss", "Brief.")


@pytest.mark.parametrize(("text", "size"), [("1B", 1), ("8GiB", 8 * 2**30), ("1.5 KiB", 1536), (4096, 4096)])
def test_sizes_are_read_in_binary_units(text: object, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"title": None}, "task.yaml: title: Field required"),
        ({"colour": "red"}, "task.yaml: colour: Extra inputs are not permitted (given: 'red')"),
        ({"folder": "/etc"}, "a mapping of the documented fields is expected"),
        ({"id": "Toy"}, "task.yaml: id: String should match pattern"),
        ({"id": "other-v1"}, "id: 'other-v1' is expected to be the folder's name, 'toy-v1'"),
        ({"resources": {"memory": "1GB", "disk": "1GiB"}}, "resources.memory: should be a size such as 512MiB"),
        ({"resources": {"memory": "0GiB", "disk": "1GiB"}}, "resources.memory: Input should be greater than 0"),
        (
            {"resources": {**MINIMAL["resources"], "network": "full"}},
            "resources.network: `none`, or `allow` with a list of hosts, is expected (given: 'full')",
        ),
        (
            {"resources": {**MINIMAL["resources"], "network": {"allow": ["https://example.org/"]}}},
            "resources.network.allow.0: 'https://example.org/' is not a host such as example.org, *.example.org",
        ),
        ({"resources": {**MINIMAL["resources"], "network": {"allow": ["*"]}}}, "resources.network.allow.0: '*' is not"),
        ({"environment": {"profile": "plain", "requirements": "r.txt"}}, "environment.requirements: Extra inputs are"),
        ({"budget": {"steps": 0}}, "budget.steps: Input should be greater than 0"),
        ({"submission": {**MINIMAL["submission"], "files": []}}, "submission.files: Tuple should have at least 1 item"),
        ({"submission": {**MINIMAL["submission"], "files": ["../x"]}}, "'../x' is not a path below the workspace"),
        ({"submission": {**MINIMAL["submission"], "files": ["/x"]}}, "'/x' is not a path below the workspace"),
        (
            {"submission": {**MINIMAL["submission"], "kind": "essay"}},
            "submission.kind: Input should be 'data', 'code', 'policy' or 'model'",
        ),
        ({"metrics": [{"name": "loss", "goal": "minimize"}]}, "distinct names and exactly one `ranks: true`"),
        ({"sources": [{"name": "rows.csv"}]}, "sources.0: exactly one of sha256 and `checksum: unverified`"),
        ({"sources": [{**SOURCE, "name": "../rows"}]}, "sources.0.name: String should match pattern"),
        ({"sources": [SOURCE, SOURCE]}, "sources: distinct names are expected"),
        ({"sources": [{**SOURCE, "urls": ["x"]}]}, "sources.0.urls.0: 'x' is not an address that begins with http"),
        ({"baselines": {**MINIMAL["baselines"], "sample": {"rows": 1}}}, "baselines.sample: values for 'loss'"),
        ({"target": {"value": 2.2, "source": "x"}}, "target.value: a better value than baselines.full.strict's"),
        ({"target": {"value": float("nan"), "source": "x"}}, "target.value: Input should be a finite number"),
    ],
)
def test_a_field_that_is_not_as_expected_is_named(
    write_files: WriteFiles, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(TaskSpecError) as raised:
        TaskSpec.load(toy(write_files, **changes))
    assert message in str(raised.value)
    assert "toy-v1/task.yaml" in str(raised.value)


@pytest.mark.parametrize(
    ("entry", "permitted", "others"),
    [
        ("example.org", ["example.org:443", "EXAMPLE.org.:80"], ["a.example.org:443", "example.org:22"]),
        ("*.example.org", ["a.example.org:443", "b.a.example.org:80"], ["example.org:443", "badexample.org:443"]),
        ("example.org:8080", ["example.org:8080"], ["example.org:443"]),
    ],
)
def test_a_task_names_the_hosts_that_its_sandboxes_may_reach(
    write_files: WriteFiles, entry: str, permitted: list[str], others: list[str]
) -> None:
    network = TaskSpec.load(
        toy(write_files, resources={**MINIMAL["resources"], "network": {"allow": [entry]}})
    ).resources.network
    assert str(network) == entry
    reached = [place for place in permitted + others if network.permits((at := place.split(":"))[0], int(at[1]))]
    assert reached == permitted


def test_every_problem_is_told_at_once(write_files: WriteFiles) -> None:
    with pytest.raises(TaskSpecError) as raised:
        TaskSpec.load(toy(write_files, title=None, domain=None))
    assert len(str(raised.value).splitlines()) == 2


def test_yaml_that_is_not_well_formed_and_files_that_are_absent_are_named(write_files: WriteFiles) -> None:
    folder = toy(write_files)
    (folder / "task.yaml").write_text("id: [")
    with pytest.raises(TaskSpecError, match=r"task\.yaml: it is not well-formed YAML"):
        TaskSpec.load(folder)
    (folder / "task.yaml").unlink()
    (folder / "grader.py").unlink()
    with pytest.raises(TaskSpecError, match=r"the task's folder lacks task\.yaml, grader\.py"):
        TaskSpec.load(folder)


def test_a_task_is_frozen(write_files: WriteFiles) -> None:
    task = TaskSpec.load(toy(write_files))
    with pytest.raises(ValidationError):
        task.title = "Other"


def test_the_content_hash_changes_with_any_file_and_the_grader_hash_with_the_grader(write_files: WriteFiles) -> None:
    folder = toy(write_files)
    task = TaskSpec.load(folder)
    content, grader = task.content_hash, task.grader_hash
    (folder / "brief.md").write_text("Another brief.")
    assert task.content_hash != content
    assert task.grader_hash == grader
    (folder / "grader.py").write_text("another grader")
    assert task.grader_hash != grader


def test_caches_of_python_are_no_part_of_a_task(write_files: WriteFiles) -> None:
    folder = toy(write_files)
    before = TaskSpec.load(folder).content_hash
    write_files({"toy-v1/__pycache__/grader.pyc": "", "toy-v1/starter/__pycache__/a.pyc": ""})
    assert TaskSpec.load(folder).content_hash == before
    assert TaskSpec.load(folder).starter_files() == {}


def test_starter_and_baseline_files_are_told_by_their_place_in_the_workspace(write_files: WriteFiles) -> None:
    folder = toy(write_files)
    write_files({"toy-v1/starter/src/a.py": "", "toy-v1/baseline/b.py": ""})
    task = TaskSpec.load(folder)
    assert task.starter_files() == {"src/a.py": folder / "starter/src/a.py"}
    assert task.baseline_files() == {"b.py": folder / "baseline/b.py"}


def test_a_workspace_starts_with_the_folders_that_the_task_names_later_ones_over_earlier(
    write_files: WriteFiles,
) -> None:
    write_files({"other-v1/starter/a.py": "other's", "other-v1/starter/b.py": "other's", "toy-v1/baseline/b.py": "own"})
    task = TaskSpec.load(toy(write_files, starter=["other-v1/starter", "baseline"]))
    assert {place: path.read_text() for place, path in task.starter_files().items()} == {
        "a.py": "other's",
        "b.py": "own",
    }
    before = task.content_hash
    write_files({"other-v1/starter/a.py": "changed"})
    assert task.content_hash != before
    assert TaskSpec.load(toy(write_files, starter=[])).starter_files() == {}


@pytest.mark.parametrize(
    ("layer", "message"),
    [("absent", "there is no folder absent"), ("absent-v1/starter", "no folder absent-v1"), ("../x", "starter.0")],
)
def test_a_starter_that_is_nowhere_is_refused(write_files: WriteFiles, layer: str, message: str) -> None:
    with pytest.raises(TaskSpecError, match=message):
        TaskSpec.load(toy(write_files, starter=[layer]))


def variant(write_files: WriteFiles, files: dict[str, str] | None = None, **changes: Any) -> Path:
    """A variant of the toy task, with an own task.yaml and these files."""
    document = yaml.safe_dump({"id": "toy-bare-v1", "extends": "toy-v1", **changes})
    texts = {"task.yaml": document, **(files or {})}
    return write_files({f"toy-bare-v1/{name}": text for name, text in texts.items()}) / "toy-bare-v1"


def test_a_variant_has_what_its_parent_has_but_for_what_differs(write_files: WriteFiles) -> None:
    parent = TaskSpec.load(toy(write_files))
    write_files({"toy-v1/starter/a.py": "", "toy-v1/baseline/b.py": ""})
    task = TaskSpec.load(variant(write_files, {"brief.md": "Own brief.", "starter/c.py": ""}, title="Bare toy"))
    assert (task.id, task.title, task.brief) == ("toy-bare-v1", "Bare toy", "Own brief.")
    assert (task.metrics, task.grader) == (parent.metrics, parent.grader)
    assert list(task.starter_files()) == ["c.py"], "a folder of its own stands in place of the parent's"
    assert task.baseline_files() == {"b.py": parent.folder / "baseline/b.py"}


def test_a_variants_hash_changes_with_what_it_inherits_and_not_with_what_it_overrides(write_files: WriteFiles) -> None:
    parent = toy(write_files)
    task = TaskSpec.load(variant(write_files, {"brief.md": "Own brief."}))
    before = task.content_hash
    (parent / "brief.md").write_text("Another brief of the parent.")
    assert task.content_hash == before
    (parent / "grader.py").write_text("another grader")
    inherited = task.content_hash
    assert inherited != before
    (parent / "task.yaml").write_text((parent / "task.yaml").read_text().replace("somewhere", "elsewhere"))
    assert task.content_hash != inherited


@pytest.mark.parametrize("extended", ["absent-v1", "../toy-v1", "toy-bare-v1", ""])
def test_a_variant_of_what_is_no_other_task_beside_it_is_refused(write_files: WriteFiles, extended: str) -> None:
    toy(write_files)
    with pytest.raises(TaskSpecError, match=r"toy-bare-v1/task\.yaml: extends: .* is not a task in"):
        TaskSpec.load(variant(write_files, extends=extended))


def test_a_variant_of_a_variant_is_refused_with_what_to_extend(write_files: WriteFiles) -> None:
    toy(write_files)
    variant(write_files)
    write_files({"toy-barer-v1/task.yaml": "{id: toy-barer-v1, extends: toy-bare-v1}"})
    with pytest.raises(TaskSpecError, match="'toy-bare-v1' is a variant itself; extend 'toy-v1'"):
        TaskSpec.load(variant(write_files).parent / "toy-barer-v1")


def test_a_variant_still_needs_the_files_that_neither_has(write_files: WriteFiles) -> None:
    (toy(write_files) / "data.py").unlink()
    with pytest.raises(TaskSpecError, match=r"lacks data\.py"):
        TaskSpec.load(variant(write_files))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"unpack": "zip"}, "`member` is expected for `unpack: zip`"),
        ({"unpack": "gzip", "member": "a"}, "`member` is expected for `unpack: zip`"),
        ({"member": "a"}, "`member` is expected for `unpack: zip`"),
        ({"urls": ["ftp://somewhere/rows.csv"]}, "is not an address that begins with http:// or https://"),
    ],
)
def test_a_source_that_could_not_be_had_is_refused(
    write_files: WriteFiles, fields: dict[str, Any], message: str
) -> None:
    with pytest.raises(TaskSpecError) as refused:
        TaskSpec.load(toy(write_files, sources=[{**SOURCE, **fields}]))
    assert message in str(refused.value)
