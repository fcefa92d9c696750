"""Settings: the only reader of environment variables and of the config file.

Each setting comes from the first of: the command line (`overrides`), the variable MLGYM_MCP_<SETTING>, the config
file, its default here. The config file is `config.toml` in the user's config folder, or what MLGYM_MCP_CONFIG names.
"""

import os
import re
import tomllib
from collections.abc import Mapping
from difflib import get_close_matches
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Any, Literal

import platformdirs
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, ValidationInfo, field_validator

from mlgym_mcp.auth import secret
from mlgym_mcp.auth.address import checked
from mlgym_mcp.errors import SetupError
from mlgym_mcp.excerpt import excerpt
from mlgym_mcp.sandbox import machine
from mlgym_mcp.sessions.call import MAX_WAIT, PATIENT
from mlgym_mcp.sessions.limits import SessionLimits
from mlgym_mcp.tasks.spec import Size

PREFIX = "MLGYM_MCP_"
CONFIG = "MLGYM_MCP_CONFIG"
APP = "mlgym-mcp"
SECRET = ("token", "server_token", "apt_mirror", "semantic_scholar_key")
"""Settings whose values no message quotes."""
TRACES_TO = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
"""Where OpenTelemetry's SDK, which reads its variables itself, sends traces; with none of them it isn't even loaded."""
TRACES_BY = "OTEL_TRACES_EXPORTER"
TRACES_IN = ("OTEL_EXPORTER_OTLP_PROTOCOL", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL")
MEMORY_SHARE = 2
"""How often this machine's memory is given out: limits are ceilings, an idle sandbox uses some 10 MB."""
CPU_SHARE = 16
"""How often its CPUs are: a session mostly waits for its agent, and too many busy ones are slow, not dead."""
_LIMITS = SessionLimits()


class Settings(BaseModel):
    """Everything the operator can set. Times in seconds."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    data_dir: Path = Field(default_factory=lambda: platformdirs.user_data_path(APP, appauthor=False))
    """Sessions, artefacts, scores, prepared data, and sources of it that the operator provides. By default
    `~/.local/share/mlgym-mcp`, or below `$XDG_DATA_HOME`."""
    cache_dir: Path = Field(default_factory=lambda: platformdirs.user_cache_path(APP, appauthor=False))
    """Environments and checked sources: what can be made again. By default `~/.cache/mlgym-mcp`, or below
    `$XDG_CACHE_HOME`."""
    tasks_dirs: tuple[Path, ...] = ()
    """Folders of tasks besides the shipped ones, with colons between."""
    sandbox: Literal["auto", "docker", "bubblewrap", "ray", "fake"] = "auto"
    """How sandboxes are made. `auto`: by Docker where an engine has the images that the tasks need, else by bubblewrap.
    `ray`: on the nodes of a Ray cluster. `fake` runs nothing, and is for tests."""
    ray_address: str = "auto"
    """The head of the cluster, such as `10.0.0.1:6379`; `auto`: the cluster that this machine belongs to."""
    ray_share: float = Field(default=1.0, gt=0)
    """How often the CPUs and the memory of the cluster's nodes are given out."""
    node_sandbox: Literal["docker", "bubblewrap"] = "bubblewrap"
    """How the nodes of a cluster make sandboxes."""
    apt_mirror: str | None = None
    """Where images get Debian's packages, such as `http://mirror/debian`. Images tell it: no password in it."""
    docker_stream: Literal["auto", "socket", "exec"] = "auto"
    """How a Docker sandbox is reached. Sandboxes that were started the other way are lost with a change."""
    docker_runtime: str | None = None
    """The engine's OCI runtime for sandboxes, such as gVisor's `runsc`; its default where none is named."""
    flavour: Literal["auto", "full", "sample"] = "auto"
    """Official data, small data made offline in its shape, or the first of them that is there."""
    protocol: Literal["strict", "mlgym"] = "strict"
    """What `validate` sees. `strict`: hidden data of its own; `mlgym`: all that `submit` sees, as in the original."""
    tools: tuple[Literal["checkpoints", "evaluation", "memory", "literature"], ...] = ()
    """Optional groups of tools. `checkpoints`: `checkpoint`, `restore` and `fork`. `evaluation`, for who runs agents:
    `cut_off`, `score_best`, and the baselines' files. `memory`: notes for later sessions. `literature`: papers."""
    semantic_scholar_key: SecretStr | None = None
    """Of the group `literature`; without one, Semantic Scholar answers fewer requests."""
    task: str | None = None
    """The one task that the server is pinned to; it offers no other."""
    orphan_grace: float = Field(default=_LIMITS.orphan_grace, gt=0)
    """How long a sandbox lives on without a server and without a running job."""
    lease_s: float = Field(default=_LIMITS.lease_s, gt=0)
    """How long a session keeps its sandbox without a call and without a running job."""
    gpu_lease_s: float = Field(default=_LIMITS.gpu_lease_s, gt=0)
    """The same for a session that has GPUs, which others may wait for."""
    wait_s: float = Field(default=PATIENT.wait_s, ge=0, le=MAX_WAIT)
    """How long a call waits for its answer unless it says."""
    task_after: float = Field(default=10.0, ge=0, le=MAX_WAIT)
    """How long a client that knows MCP's tasks waits for `bash`, `validate` or `submit` before it is given a task: most
    commands take less, and no client gives up so early."""
    max_sessions: int = Field(default=_LIMITS.max_sessions, ge=1)
    """Sessions at once; who starts one beyond that waits its turn. On a cluster by default 1000."""
    pool: int | None = Field(default=None, ge=0)
    """Sandboxes kept warm of each kind that a session has asked for; by default one over HTTP, else none."""
    max_memory: Size = Field(default_factory=lambda: MEMORY_SHARE * machine.memory())
    """What the limits of all sandboxes of sessions, judges and contestants may add up to, in bytes or as `48GiB`. By
    default twice this machine's memory; on a cluster Ray counts, and there is no limit but one that is set."""
    max_cpus: float = Field(default_factory=lambda: CPU_SHARE * machine.cpus(), gt=0)
    """The same for CPUs. By default sixteen times this machine's; on a cluster as for memory."""
    scoring_limit: int = Field(default=_LIMITS.scoring_limit, ge=1)
    """Artefacts scored at once. On a cluster by default 32."""
    gpus: str = "all"
    """GPUs that sessions may be lent: `all`, `none`, or indices and UUIDs with commas between."""
    network: Literal["tasks", "none"] = "tasks"
    """`tasks`: sessions' sandboxes may reach the hosts that their task names; `none`: such tasks can't be started."""
    private_networks: tuple[IPv4Network | IPv6Network, ...] = ()
    """Networks such as 10.1.0.0/16 in which those hosts may lie, besides the public internet."""
    host: str = "127.0.0.1"
    """Where the HTTP server listens. Beyond this machine only where callers need a token."""
    port: int = Field(default=8765, ge=0, le=65535)
    """0: any that is free."""
    token: str | None = None
    """The operator's own for callers over HTTP, beside those that `mlgym-mcp tokens create` makes; kept as
    `sha256:<hash>`, in which form it may be given, too."""
    jwt_issuer: str | None = None
    """Whose JWTs are let in, too: its address, as their `iss` has it. Needs `jwt_audience`."""
    jwt_audience: str | None = Field(default=None, validate_default=True)
    """The address of this server, such as `https://gym.example/mcp`, which their `aud` must have."""
    jwt_jwks: str | None = None
    """Where the issuer's keys are; by default where its metadata says."""
    quota_sessions: int | None = Field(default=None, ge=1)
    """Sessions that each principal may have at once. Neither this nor the next two hold `local` and `bearer`."""
    quota_sessions_a_day: int | None = Field(default=None, ge=1)
    """Sessions that each may start in 24 hours."""
    quota_calls_a_minute: int | None = Field(default=None, ge=1)
    """Calls of tools and readings of resources by each."""
    server_token: SecretStr | None = None
    """What `run --url` shows to a server that asks for a token."""
    allowed_hosts: tuple[str, ...] = ()
    """Host names, besides this machine's own, that HTTP requests may call the server by."""
    max_connections: int = Field(default=1000, ge=1)
    """Of protocol revisions with a handshake, over HTTP."""
    connection_idle: float = Field(default=1800.0, gt=0)
    """How long such a connection is kept without a request."""
    viewer: bool = True
    """Whether the HTTP server shows pages to people (docs/viewer.md), beside what it answers to programs."""
    runs_dir: Path | None = None
    """A folder of the runs of `mlgym-mcp run`, which those pages show to whoever operates the server."""
    drain_s: float = Field(default=30.0, ge=0)
    """How long a server over HTTP that is sent SIGTERM waits for calls and scorings that go on."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """The least that is worth a line of the log."""
    log_format: Literal["auto", "lines", "json"] = "auto"
    """`auto`: lines for people on a terminal, elsewhere JSON, one object a line."""

    @field_validator("tasks_dirs", mode="before")
    @classmethod
    def _split_paths(cls, value: object) -> object:
        return tuple(part for part in value.split(os.pathsep) if part) if isinstance(value, str) else value

    @field_validator("allowed_hosts", "private_networks", "tools", mode="before")
    @classmethod
    def _split_names(cls, value: object) -> object:
        return tuple(part for part in value.split(",") if part) if isinstance(value, str) else value

    @field_validator("token", mode="after")
    @classmethod
    def _keep_the_hash(cls, value: str | None) -> str | None:
        return None if value is None else secret.hashed(value)

    @field_validator("jwt_issuer", "jwt_audience", "jwt_jwks", mode="after")
    @classmethod
    def _trustworthy(cls, value: str | None) -> str | None:
        return None if value is None else checked(value)

    @field_validator("jwt_audience", mode="after")
    @classmethod
    def _with_issuer(cls, value: str | None, info: ValidationInfo) -> str | None:
        if (value is None) != (info.data.get("jwt_issuer") is None):
            raise ValueError("set together with jwt_issuer, or neither")
        return value

    @field_validator("apt_mirror", mode="after")
    @classmethod
    def _without_password(cls, value: str | None) -> str | None:
        if value is not None and not re.fullmatch(r"https?://[^@\s|]+", value):
            raise ValueError("an address (http://mirror/debian) without a user's name or password")
        return value

    @field_validator("data_dir", "cache_dir", "runs_dir", mode="after")
    @classmethod
    def _absolute(cls, value: Path | None) -> Path | None:
        return None if value is None else _expanded(value)

    @field_validator("tasks_dirs", mode="after")
    @classmethod
    def _all_absolute(cls, value: tuple[Path, ...]) -> tuple[Path, ...]:
        return tuple(map(_expanded, value))

    @field_validator("allowed_hosts", mode="after")
    @classmethod
    def _bare_names(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if any("/" in name or not name.strip() for name in value):
            raise ValueError("names such as example.org, with commas between, without `https://` or a path")
        return value

    @classmethod
    def load(
        cls, overrides: Mapping[str, object] | None = None, *, environ: Mapping[str, str] | None = None
    ) -> "Settings":
        """Read the settings; overrides that are None don't count. `environ` stands in for the process's own.

        Raises:
            SetupError: a value is not what was expected, or a name is unknown; says which and where it was set.
        """
        variables = _variables(os.environ if environ is None else environ)
        config = _config_path(os.environ if environ is None else environ)
        given = {name: value for name, value in (overrides or {}).items() if value is not None}
        values = _read_config(config) | variables | given
        try:
            return cls(**values)
        except ValidationError as error:
            raise SetupError(_explain(error, given=given, variables=variables, config=config)) from None


def _variables(environ: Mapping[str, str]) -> dict[str, Any]:
    return {
        name.removeprefix(PREFIX).lower(): value
        for name, value in environ.items()
        if name.startswith(PREFIX) and name != CONFIG and value != ""
    }


def _expanded(path: Path) -> Path:
    try:
        return path.expanduser().absolute()
    except RuntimeError:
        raise ValueError("a folder; after `~` stands a user of this machine, or nothing") from None


def _config_path(environ: Mapping[str, str]) -> Path:
    named = environ.get(CONFIG)
    if not named:
        return platformdirs.user_config_path(APP, appauthor=False) / "config.toml"
    try:
        path = _expanded(Path(named))
        if path.is_file():
            return path
    except (OSError, ValueError):
        pass  # no path at all
    raise SetupError(f"{CONFIG} names {named[:200]}, but there is no such file.")


def _read_config(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError) as error:  # ValueError: no TOML, no UTF-8, or a number too long
        raise SetupError(f"The config file {path} can't be read: {error}; mend it, or move it away.") from None


def _explain(
    error: ValidationError, *, given: Mapping[str, object], variables: Mapping[str, object], config: Path
) -> str:
    first = error.errors()[0]
    name = str(first["loc"][0])
    if name in given:
        place = f"--{name.replace('_', '-')}"
    elif name in variables:
        place = PREFIX + name.upper()
    else:
        place = f"`{name}` in {config}"
    if first["type"] == "extra_forbidden":
        near = get_close_matches(name, Settings.model_fields, n=1, cutoff=0.7)
        known = f"did you mean {near[0]!r}?" if near else f"settings are: {', '.join(sorted(Settings.model_fields))}."
        return f"{place} is not a setting; {known}"
    expected = first["msg"].removeprefix("Input should be ").removeprefix("Value error, ").removeprefix("should be ")
    given_value = "" if name in SECRET else f"is {excerpt(first['input'])}, but "
    return f"{place} {given_value}should be {expected}."


def traces_wanted(environ: Mapping[str, str] | None = None) -> bool:
    """Whether OpenTelemetry's own variables ask for traces; `environ` stands in for the process's own.

    Raises:
        SetupError: they ask for what can't be sent from here.
    """
    found = os.environ if environ is None else environ
    asked = any(found.get(name) for name in TRACES_TO)
    if not asked or found.get("OTEL_SDK_DISABLED", "").lower() == "true" or found.get(TRACES_BY) == "none":
        return False
    if (exporter := found.get(TRACES_BY, "otlp")) != "otlp":
        raise SetupError(f"{TRACES_BY} is {exporter!r}, but traces are sent by `otlp` alone, or not at all by `none`.")
    for name in TRACES_IN:
        if (protocol := found.get(name, "http/protobuf")) != "http/protobuf":
            raise SetupError(f"{name} is {protocol!r}, but traces are sent by `http/protobuf` alone; set it to that.")
    return True


def inherited_environment() -> dict[str, str]:
    """This process's environment, for a server that the command line itself starts."""
    return dict(os.environ)
