"""Logging: structured lines on stderr, for stdout is the protocol; secrets leave as fingerprints."""

import hashlib
import logging
import re
import sys
from typing import Any, Literal

import structlog
from structlog.typing import EventDict, Processor

from mlgym_mcp.inert import plain

CHATTY = ("mcp", "uvicorn")
"""Libraries that tell of every connection they take."""
TELLTALE = ("sse_starlette",)
"""Libraries that tell all that they send."""
Form = Literal["auto", "lines", "json"]
OF_A_CALL = ("request", "principal", "tool", "trace")
"""What the lines of one call have in common, beside its session."""
AS_THEY_ARE = ("event", "exception", "stack")
SHORTEST_HANDLE = 8
"""Characters of what is looked for as a handle; anything shorter might be a word."""

TOKEN = re.compile(r"mlgym_[\w-]{43}")
"""As `store/tokens.py` makes them."""
_SECRET_KEYS = frozenset({"authorization", "handle", "password", "secret", "session", "token"})
_SECRET_TEXT = re.compile(
    r"(?<=/s/)[\w-]{8,}|(?<=mlgym://sessions/)[\w-]{8,}|(?<=[Bb]earer )\S+"
    rf"|{TOKEN.pattern}"
    # The SDK's names for connections: whoever knows one can end it.
    r"|(?<=[Ss]ession ID: )[\w-]{8,}|(?<=[Ss]ession )[0-9a-f]{32}|(?<=session: )[0-9a-f]{32}"
)
_SIGNS = ("/s/", "mlgym", "earer ", "ession")
"""One of these stands in whatever has such a secret in it; to look for them first takes a twentieth of the time."""


def configure(level: str = "info", form: Form = "lines") -> None:
    """Send this package's and every library's log to stderr.

    Args:
        level: `debug`, `info`, `warning` or `error`.
        form: `lines` for people, `json` for programs, or `auto`: lines on a terminal, elsewhere JSON.
    """
    as_json = form == "json" or (form == "auto" and not sys.stderr.isatty())
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        redact,
    ]
    rendering: list[Processor] = [structlog.processors.JSONRenderer()] if as_json else [_disarm, _lines()]
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, *shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            # Libraries hand over text with its arguments apart: joined first, or a handle among them would pass.
            foreign_pre_chain=[structlog.stdlib.PositionalArgumentsFormatter(), *shared],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *rendering],
        )
    )
    logging.basicConfig(handlers=[handler], level=level.upper(), force=True)
    for library in CHATTY:
        logging.getLogger(library).setLevel(logging.DEBUG if level == "debug" else logging.WARNING)
    for library in TELLTALE:
        logging.getLogger(library).setLevel(logging.WARNING)


def _lines() -> Processor:
    return structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())


def _disarm(_logger: Any, _method: str, event: EventDict) -> EventDict:
    """Let nothing act on a terminal that stands in a line as it is; all other values are quoted."""
    return {
        key: plain(value) if key in AS_THEY_ARE and isinstance(value, str) else value for key, value in event.items()
    }


def redact(_logger: Any, _method: str, event: EventDict) -> EventDict:
    """Replace handles, tokens and the like, by their key or by where they stand in a text."""
    own = event.get("session")  # bound for all lines of a session: a library's, too, may quote it
    secret = own if isinstance(own, str) else ""
    return {key: _redacted(key, value, secret) for key, value in event.items()}


def without_secrets(text: str, *own: str) -> str:
    """A text in which handles and tokens stand as fingerprints: these, and what is one by its form or its place."""
    for secret in own:
        if len(secret) >= SHORTEST_HANDLE:
            text = text.replace(secret, fingerprint(secret))
    if any(sign in text for sign in _SIGNS):
        text = _SECRET_TEXT.sub(lambda found: fingerprint(found.group()), text)
    return text


def fingerprint(secret: str) -> str:
    """A short name for a secret, the same each time, from which it can't be found."""
    return f"#{hashlib.sha256(secret.encode()).hexdigest()[:8]}"


def _redacted(key: str, value: object, own: str) -> object:
    if not isinstance(value, str):
        return value
    if key.lower() in _SECRET_KEYS:
        return fingerprint(value)
    return without_secrets(value, own)
