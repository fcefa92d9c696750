"""Profiles are found, and named by their content."""

import pytest

from mlgym_mcp.errors import SetupError
from mlgym_mcp.sandbox import profiles
from mlgym_mcp.sandbox.profiles import short_hash


def test_plain_is_bare_and_base_is_not() -> None:
    assert profiles.load("plain").bare
    assert "numpy==" in profiles.load("base").requirements


def test_a_variant_for_gpus_is_its_profile_with_what_cuda_needs() -> None:
    plain, cuda = profiles.load("torch"), profiles.load("torch-cuda")
    assert cuda.requirements.startswith(plain.requirements)
    assert "nvidia-cudnn" in cuda.requirements.removeprefix(plain.requirements)
    assert (plain.cuda, cuda.cuda) == (False, True)


@pytest.mark.parametrize(
    ("name", "gpus", "used"),
    [
        ("jax", 1, "jax-cuda"),
        ("jax", 0, "jax"),
        ("base", 1, "base"),
        ("plain", 2, "plain"),
        ("jax-cuda", 1, "jax-cuda"),
    ],
)
def test_sandboxes_with_gpus_use_the_variant_where_there_is_one(name: str, gpus: int, used: str) -> None:
    assert profiles.fitting(name, gpus=gpus) == used


def test_an_unknown_profile_is_refused_with_those_there_are() -> None:
    with pytest.raises(SetupError, match="there are plain, base"):
        profiles.load("bsae")


def test_parts_of_a_hash_do_not_run_together() -> None:
    assert short_hash("ab", "c") != short_hash("a", "bc")
