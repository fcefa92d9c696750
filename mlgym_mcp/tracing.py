"""Steps of the work as spans of OpenTelemetry, beneath the ones that the MCP SDK makes of each request.

Nothing is recorded, at the price of a few microseconds, until the operator has it sent somewhere (`telemetry.py`).
"""

from collections.abc import Iterator
from contextlib import contextmanager

from opentelemetry.trace import StatusCode, format_trace_id, get_current_span, get_tracer

_tracer = get_tracer("mlgym-mcp")


@contextmanager
def span(name: str, **attributes: str | int | float) -> Iterator[None]:
    """One step, while the block runs. Attributes are no secrets; of an error only its kind is told."""
    told = {f"mlgym.{key}": value for key, value in attributes.items()}
    with _tracer.start_as_current_span(
        name, attributes=told, record_exception=False, set_status_on_exception=False
    ) as step:
        try:
            yield
        except Exception as error:
            step.set_attribute("error.type", type(error).__qualname__)
            step.set_status(StatusCode.ERROR)
            raise


def describe(**attributes: str | int | float) -> None:
    """Say more of the step that goes on now."""
    get_current_span().set_attributes({f"mlgym.{key}": value for key, value in attributes.items()})


def trace_id() -> str | None:
    """The trace that goes on now; None where none is recorded."""
    context = get_current_span().get_span_context()
    return format_trace_id(context.trace_id) if context.is_valid else None
