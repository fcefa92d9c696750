"""What is said of an image that does not hold what its profile asks for."""

import pytest

from mlgym_mcp.sandbox.inspection import unmet


@pytest.mark.parametrize(
    ("requirements", "said"),
    [
        ("numpy==2.4.6\n# a comment\n", []),
        ("NumPy==2.4.5 # for a reason", ["NumPy is 2.4.6, wanted is ==2.4.5"]),
        ("absent==1.0", ["absent is not installed"]),
        ('absent==1.0; python_version < "3.11"', []),
        ("torch==2.13.0", []),
        ("torch==2.13.0\ntorch===2.13.0", ["torch is 2.13.0+cpu, wanted is ===2.13.0"]),
    ],
)
def test_requirements_that_are_not_met_are_told(requirements: str, said: list[str]) -> None:
    packages = {"numpy": "2.4.6", "torch": "2.13.0+cpu"}
    assert list(unmet(requirements, packages, "3.11.2")) == said
