"""Traces, sent where OpenTelemetry's own variables say (OTEL_EXPORTER_OTLP_ENDPOINT, …), which its SDK reads."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from threading import Thread
from typing import TYPE_CHECKING

import anyio
from anyio import to_thread
from opentelemetry import trace

from mlgym_mcp import __version__
from mlgym_mcp.errors import SetupError

if TYPE_CHECKING:  # an extra
    from opentelemetry.sdk.trace import TracerProvider

SERVICE = "mlgym-mcp"
FLUSH_LIMIT = 2.0
"""Seconds that what is not sent yet may keep the server from ending."""


@asynccontextmanager
async def tracing(provider: "TracerProvider | None") -> AsyncIterator[None]:
    """Record the spans of this process while the block runs, and send them; without a provider nothing happens."""
    if provider is None:
        yield
        return
    trace.set_tracer_provider(provider)
    try:
        yield
    finally:
        # In a thread that nothing waits for at the end: whoever collects traces may be away.
        sending = Thread(target=provider.shutdown, daemon=True)
        sending.start()
        with anyio.CancelScope(shield=True):
            await to_thread.run_sync(sending.join, FLUSH_LIMIT)


def make_provider() -> "TracerProvider":
    """What records spans and sends them.

    Raises:
        SetupError: the extra that does it is not installed.
    """
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError:
        raise SetupError(
            "OTEL_… asks for traces, and what sends them is not installed: pip install 'mlgym-mcp[telemetry]'"
        ) from None
    resource = Resource.create({"service.version": __version__})
    if str(resource.attributes["service.name"]).startswith("unknown_service"):  # OTEL_SERVICE_NAME says none
        resource = resource.merge(Resource({"service.name": SERVICE}))
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return provider
