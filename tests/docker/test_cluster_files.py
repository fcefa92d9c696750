"""The files of docker/cluster are well-formed, and say what a server and its nodes need."""

import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from mlgym_mcp.cli import app
from mlgym_mcp.settings import Settings

CLUSTER = Path(__file__).parents[2] / "docker" / "cluster"
MANIFEST = CLUSTER / "kuberay.yaml"
SCRIPT = CLUSTER / "slurm.sh"
SCHEMA = Path(__file__).with_name("raycluster.schema.yaml")
STYLE = "{extends: default, rules: {line-length: {max: 120}, braces: disable, document-start: disable}}"
"""Options of `serve` that the backend brings."""
HOME = "/srv/mlgym-mcp"
DRAIN_S = Settings.model_fields["drain_s"].default
DOCUMENTS: list[dict[str, Any]] = list(yaml.safe_load_all(MANIFEST.read_text(encoding="utf-8")))
[RAY_CLUSTER] = [document for document in DOCUMENTS if document["kind"] == "RayCluster"]
HEAD = RAY_CLUSTER["spec"]["headGroupSpec"]
WORKERS = RAY_CLUSTER["spec"]["workerGroupSpecs"]
GROUPS = [HEAD, *WORKERS]


def pods() -> Iterator[dict[str, Any]]:
    yield from (group["template"]["spec"] for group in GROUPS)
    yield from (document["spec"]["template"]["spec"] for document in DOCUMENTS if document["kind"] == "StatefulSet")


def containers() -> Iterator[dict[str, Any]]:
    for pod in pods():
        yield from pod["containers"]


def server() -> dict[str, Any]:
    found: list[dict[str, Any]] = HEAD["template"]["spec"]["containers"]
    [container] = [one for one in found if one["name"] == "server"]
    return container


def served(file: Path) -> list[str]:
    """The words after `mlgym-mcp serve` in a file."""
    [line] = re.findall(r"mlgym-mcp serve ([^&\n]+)", file.read_text(encoding="utf-8"))
    return shlex.split(line)


@pytest.mark.parametrize("command", [["shellcheck", str(SCRIPT)], ["yamllint", "-d", STYLE, str(MANIFEST)]])
def test_linters_find_nothing(command: list[str]) -> None:
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout) == (0, "")


def test_the_manifest_is_what_kuberay_takes() -> None:
    schema = yaml.safe_load(SCHEMA.read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(schema)
    assert [error.message for error in Draft202012Validator(schema).iter_errors(RAY_CLUSTER)] == []


@pytest.mark.parametrize("file", [MANIFEST, SCRIPT], ids=lambda file: file.name)
def test_serve_knows_the_options_that_it_is_given(file: Path) -> None:
    command = typer.main.get_command(app).commands["serve"]  # type: ignore[attr-defined]
    known = {option for parameter in command.params for option in parameter.opts}
    assert {word for word in served(file) if word.startswith("--")} <= known
    assert {"--http", "--sandbox", "--ray-address"} <= set(served(file))


def test_no_session_is_placed_beside_the_server_and_ray_there_outlives_it() -> None:
    pod = HEAD["template"]["spec"]
    goes_first = pod["containers"][0]["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert (HEAD["rayStartParams"]["num-cpus"], HEAD["rayStartParams"]["num-gpus"]) == ("0", "0")
    assert pod["shareProcessNamespace"]
    assert goes_first > DRAIN_S
    assert pod["terminationGracePeriodSeconds"] > goes_first + DRAIN_S


def test_kubernetes_asks_the_server_whether_it_lives_and_whether_it_is_ready() -> None:
    probes = {name: server()[name]["httpGet"] for name in ("startupProbe", "livenessProbe", "readinessProbe")}
    paths = {name: asked["path"] for name, asked in probes.items()}
    assert paths == {"startupProbe": "/healthz", "livenessProbe": "/healthz", "readinessProbe": "/readyz"}
    assert {asked["port"] for asked in probes.values()} == {port["name"] for port in server()["ports"]}


def test_secrets_are_named_and_not_told() -> None:
    for container in containers():
        for variable in container.get("env", []):
            assert "value" not in variable or not re.search("TOKEN|PASSWORD", variable["name"])
    assert "MLGYM_MCP_TOKEN" in {variable["name"] for variable in server()["env"]}


def test_data_is_kept_and_lies_at_the_same_path_on_every_node() -> None:
    folders = {one["name"]: one["value"] for one in server()["env"] if one["name"].endswith("_DIR")}
    assert folders == {"MLGYM_MCP_DATA_DIR": f"{HOME}/data", "MLGYM_MCP_CACHE_DIR": f"{HOME}/cache"}
    kept = {volume["name"] for volume in HEAD["template"]["spec"]["volumes"] if "persistentVolumeClaim" in volume}
    assert {mount["mountPath"] for mount in server()["volumeMounts"] if mount["name"] in kept} == {f"{HOME}/data"}
    for group in WORKERS:
        assert HOME in {mount["mountPath"] for mount in group["template"]["spec"]["containers"][0]["volumeMounts"]}


def test_bubblewrap_may_do_what_it_must_on_workers_and_nobody_is_root() -> None:
    for group in WORKERS:
        pod = group["template"]["spec"]
        assert pod["hostUsers"] is False
        assert pod["securityContext"]["seccompProfile"] == {"type": "Unconfined"}
        assert {container["securityContext"].get("procMount") for container in pod["containers"]} == {"Unmasked"}
    assert all(pod["securityContext"]["runAsNonRoot"] for pod in pods())
    for container in containers():
        assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
        assert container["securityContext"]["allowPrivilegeEscalation"] is False
        assert container["securityContext"]["readOnlyRootFilesystem"] is True


def test_ray_has_less_memory_to_give_than_its_container() -> None:
    for group in WORKERS:
        given = sum(int(group["rayStartParams"][name]) for name in ("memory", "object-store-memory"))
        limit = group["template"]["spec"]["containers"][0]["resources"]["limits"]["memory"]
        assert given < int(limit.removesuffix("Gi")) << 30


def test_every_folder_that_is_mounted_is_a_volume_of_its_pod() -> None:
    for group in GROUPS:
        pod = group["template"]["spec"]
        mounted = {mount["name"] for container in pod["containers"] for mount in container["volumeMounts"]}
        assert mounted == {volume["name"] for volume in pod["volumes"]}


def test_images_are_of_no_registry_and_the_workers_have_the_servers() -> None:
    assert all("/" not in container["image"] for container in containers())
    assert {container["image"] for group in GROUPS for container in group["template"]["spec"]["containers"]} == {
        server()["image"]
    }


def test_only_the_clusters_own_pods_reach_ray_and_redis() -> None:
    own = {"podSelector": {"matchLabels": {"ray.io/cluster": RAY_CLUSTER["metadata"]["name"]}}}
    policies = [document["spec"] for document in DOCUMENTS if document["kind"] == "NetworkPolicy"]
    doors = [rule for policy in policies for rule in policy["ingress"] if "from" not in rule]
    assert doors == [{"ports": [{"port": "mcp"}]}]
    assert all(rule["from"] == [own] for policy in policies for rule in policy["ingress"] if "from" in rule)
