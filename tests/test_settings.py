"""Settings come from the command line, the environment and a file, in this order, and say where a bad one stands."""

import sys
from pathlib import Path

import pytest
from pydantic import ValidationError

from mlgym_mcp.cli.sense import require_sense
from mlgym_mcp.errors import SetupError
from mlgym_mcp.sandbox import machine
from mlgym_mcp.settings import Settings, traces_wanted
from mlgym_mcp.telemetry import make_provider


def config(tmp_path: Path, text: str) -> dict[str, str]:
    path = tmp_path / "config.toml"
    path.write_text(text)
    return {"MLGYM_MCP_CONFIG": str(path)}


def test_the_defaults_need_nothing(tmp_path: Path) -> None:
    settings = Settings.load(environ=config(tmp_path, ""))
    assert (settings.sandbox, settings.flavour, settings.protocol, settings.task) == ("auto", "auto", "strict", None)
    assert (settings.wait_s, settings.orphan_grace) == (40, 900)
    assert settings.data_dir.is_absolute()


def test_the_command_line_goes_before_the_environment_and_that_before_the_file(tmp_path: Path) -> None:
    environ = {**config(tmp_path, 'wait_s = 1\nflavour = "full"\nprotocol = "mlgym"'), "MLGYM_MCP_WAIT_S": "2"}
    environ["MLGYM_MCP_FLAVOUR"] = "sample"
    settings = Settings.load({"wait_s": 3, "flavour": None}, environ=environ)
    assert (settings.wait_s, settings.flavour, settings.protocol) == (3, "sample", "mlgym")


def test_capacity_is_a_multiple_of_the_machine_unless_it_is_said(tmp_path: Path) -> None:
    settings = Settings.load({"max_memory": "48GiB"}, environ=config(tmp_path, "max_cpus = 2.5"))
    assert (settings.max_memory, settings.max_cpus) == (48 * 2**30, 2.5)
    settings = Settings.load(environ=config(tmp_path, ""))
    assert (settings.max_memory, settings.max_cpus) == (2 * machine.memory(), 16 * machine.cpus())


def test_folders_may_be_several_and_are_made_absolute(tmp_path: Path) -> None:
    environ = {**config(tmp_path, ""), "MLGYM_MCP_TASKS_DIRS": f"{tmp_path}:~/tasks"}
    assert Settings.load(environ=environ).tasks_dirs == (tmp_path, Path("~/tasks").expanduser())


def test_other_variables_are_none_of_ours(tmp_path: Path) -> None:
    Settings.load(environ={**config(tmp_path, ""), "HOME": "/", "MLGYM_SANDBOX": "x"})


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        (
            "SANDBOX",
            "jail",
            "MLGYM_MCP_SANDBOX is 'jail', but should be 'auto', 'docker', 'bubblewrap', 'ray' or 'fake'.",
        ),
        ("WAIT_S", "90", "MLGYM_MCP_WAIT_S is '90', but should be less than or equal to 50."),
        ("MAX_SESSIONS", "many", "MLGYM_MCP_MAX_SESSIONS is 'many', but should be a valid integer"),
        ("MAX_MEMORY", "48GB", "MLGYM_MCP_MAX_MEMORY is '48GB', but should be a size such as 512MiB or 8GiB."),
        ("MAX_CPUS", "0", "MLGYM_MCP_MAX_CPUS is '0', but should be greater than 0"),
        ("TOKEN", "too-short", "MLGYM_MCP_TOKEN should be at least 20 characters; make one with: python3 -c"),
        ("PORT", "http", "MLGYM_MCP_PORT is 'http', but should be a valid integer"),
        (
            "APT_MIRROR",
            "http://me:secret@mirror/debian",
            "MLGYM_MCP_APT_MIRROR should be an address (http://mirror/debian)",
        ),
        ("LEASE_S", "inf", "MLGYM_MCP_LEASE_S is 'inf', but should be a finite number."),
        (
            "ALLOWED_HOSTS",
            "https://gym.example/",
            "MLGYM_MCP_ALLOWED_HOSTS is 'https://gym.example/', but should be names",
        ),
        ("LOG_FORMAT", "xml", "MLGYM_MCP_LOG_FORMAT is 'xml', but should be 'auto', 'lines' or 'json'."),
        ("COLOUR", "red", "MLGYM_MCP_COLOUR is not a setting; settings are: allowed_hosts, apt_mirror,"),
    ],
)
def test_a_bad_variable_is_named_with_what_was_expected(tmp_path: Path, name: str, value: str, message: str) -> None:
    with pytest.raises(SetupError) as caught:
        Settings.load(environ={**config(tmp_path, ""), f"MLGYM_MCP_{name}": value})
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"docker_runtime": "runsc", "sandbox": "bubblewrap"}, "bubblewrap has no runtimes"),
        ({"data_dir": __file__}, "MLGYM_MCP_DATA_DIR is .*, which is no folder"),
        ({"tasks_dirs": "/absent"}, "--tasks-dir names /absent, where there is no folder"),
    ],
)
def test_what_cannot_be_meant_is_refused_in_a_sentence(tmp_path: Path, settings: dict[str, object], said: str) -> None:
    with pytest.raises(SetupError, match=said):
        require_sense(Settings.load(settings, environ=config(tmp_path, "")), http=True, for_http=[])


ENDPOINT = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"}


@pytest.mark.parametrize(
    ("environ", "wanted"),
    [
        ({}, False),
        (ENDPOINT, True),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://127.0.0.1:4318/v1/traces"}, True),
        ({**ENDPOINT, "OTEL_SDK_DISABLED": "true"}, False),
        ({**ENDPOINT, "OTEL_TRACES_EXPORTER": "none"}, False),
    ],
)
def test_traces_are_sent_where_the_variables_of_opentelemetry_say(environ: dict[str, str], wanted: bool) -> None:
    assert traces_wanted(environ) is wanted


def test_traces_that_cannot_be_sent_are_refused_in_a_sentence() -> None:
    with pytest.raises(SetupError, match="sent by `http/protobuf` alone"):
        traces_wanted({**ENDPOINT, "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"})
    with pytest.raises(SetupError, match="sent by `otlp` alone"):
        traces_wanted({**ENDPOINT, "OTEL_TRACES_EXPORTER": "zipkin"})


def test_traces_without_what_sends_them_name_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    with pytest.raises(SetupError, match=r"pip install 'mlgym-mcp\[telemetry\]'"):
        make_provider()


def test_a_bad_value_in_the_file_or_on_the_command_line_is_named_as_such(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match=r"`protocol` in .*config.toml is 'lax', but should be 'strict' or 'mlgym'"):
        Settings.load(environ=config(tmp_path, 'protocol = "lax"'))
    with pytest.raises(SetupError, match="--max-sessions is 0, but should be greater than or equal to 1"):
        Settings.load({"max_sessions": 0}, environ=config(tmp_path, ""))


def test_a_file_that_is_absent_or_not_toml_is_named(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="MLGYM_MCP_CONFIG names /absent, but there is no such file"):
        Settings.load(environ={"MLGYM_MCP_CONFIG": "/absent"})
    with pytest.raises(SetupError, match=r"config.toml can't be read"):
        Settings.load(environ=config(tmp_path, "wait_s ="))


def test_settings_never_change(tmp_path: Path) -> None:
    with pytest.raises(ValidationError):
        Settings.load(environ=config(tmp_path, "")).wait_s = 1


@pytest.mark.parametrize(
    ("token", "expected"),
    [
        ("short", "at least 20 characters"),
        ("with a space in its middle", "without spaces"),
        ("a-token-that-ends-in-a-line\n", "without spaces"),
        ("ein-schönes-langes-geheimnis", "ASCII"),
        ("sha256:" + "F" * 64, "64 hexadecimal digits"),
        ("sha256:tooshort", "64 hexadecimal digits"),
    ],
)
def test_a_token_that_no_caller_could_show_is_refused(tmp_path: Path, token: str, expected: str) -> None:
    with pytest.raises(SetupError, match=f"MLGYM_MCP_TOKEN .*{expected}") as refusal:
        Settings.load(environ={**config(tmp_path, ""), "MLGYM_MCP_TOKEN": token})
    assert token not in str(refusal.value)


def test_of_a_token_only_a_hash_is_kept(tmp_path: Path) -> None:
    token = "a-token-that-nobody-can-guess"
    settings = Settings.load(environ={**config(tmp_path, ""), "MLGYM_MCP_TOKEN": token})
    assert token not in repr(settings) and settings.token is not None
    again = Settings.load(environ=config(tmp_path, f'token = "{settings.token}"'))
    assert again.token == settings.token
