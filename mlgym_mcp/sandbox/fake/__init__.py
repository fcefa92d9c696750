"""A backend for tests: sandboxes in memory, whose guests speak the real frames. Nothing is isolated, nothing runs."""

from mlgym_mcp.sandbox.fake.backend import FakeBackend
from mlgym_mcp.sandbox.fake.programs import Program

__all__ = ["FakeBackend", "Program"]
