"""How many examples are tried: few and always the same in the gate, many and ever others by `python -m tests.fuzz`."""

import os

from hypothesis import HealthCheck, settings

settings.register_profile(
    "gate", max_examples=25, derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck)
)
settings.register_profile(
    "long", max_examples=1000, deadline=None, database=None, suppress_health_check=list(HealthCheck), print_blob=True
)
settings.load_profile(os.environ.get("FUZZ_PROFILE", "gate"))
