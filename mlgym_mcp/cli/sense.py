"""What a server is asked to be, looked at before it is one: what can't be meant is refused in a sentence."""

from typing import TYPE_CHECKING

from mlgym_mcp.errors import SetupError

if TYPE_CHECKING:
    from mlgym_mcp.settings import Settings


def require_sense(settings: "Settings", *, http: bool, for_http: list[str]) -> None:
    """Check what each setting for itself can't tell.

    Args:
        settings: What the operator set.
        http: Whether HTTP is served.
        for_http: The options given that are of use over HTTP alone.

    Raises:
        SetupError: something can't be meant.
    """
    if for_http and not http:
        raise SetupError(f"{for_http[0]} is for a server over HTTP; add --http, or leave it out.")
    if settings.docker_runtime and settings.sandbox == "bubblewrap":
        raise SetupError(
            f"MLGYM_MCP_DOCKER_RUNTIME is {settings.docker_runtime!r}, but bubblewrap has no runtimes; "
            "unset it, or choose --sandbox docker."
        )
    if settings.docker_runtime and settings.sandbox == "ray" and settings.node_sandbox != "docker":
        raise SetupError(
            f"MLGYM_MCP_DOCKER_RUNTIME is {settings.docker_runtime!r}, but the cluster's nodes use "
            f"{settings.node_sandbox}; unset it, or set MLGYM_MCP_NODE_SANDBOX to docker."
        )
    if "ray_address" in settings.model_fields_set and settings.sandbox != "ray":
        raise SetupError(
            "--ray-address names a cluster, but sandboxes are not made on one; add --sandbox ray, or leave it out."
        )
    if settings.sandbox == "ray" and settings.gpus != "all":
        raise SetupError(
            "--gpus names GPUs of this machine, but a cluster's are lent by Ray; leave it out, and start nodes with "
            "`ray start --num-gpus`."
        )
    for name, folder in (("data_dir", settings.data_dir), ("cache_dir", settings.cache_dir)):
        if folder.exists() and not folder.is_dir():
            raise SetupError(f"MLGYM_MCP_{name.upper()} is {folder}, which is no folder; name another.")
    require_tasks(settings)


def require_tasks(settings: "Settings") -> None:
    """Check that the folders of further tasks are there.

    Raises:
        SetupError: one is not.
    """
    for folder in settings.tasks_dirs:
        if not folder.is_dir():
            raise SetupError(f"--tasks-dir names {folder}, where there is no folder; make it, or leave it out.")
