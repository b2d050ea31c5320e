"""Structured logs: one line per event, as JSON or as text, never with a control character in it."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import MutableMapping
from contextlib import nullcontext, suppress
from datetime import UTC, datetime
from typing import Final, Literal, TextIO

import msgspec
import structlog

# Without the values of local variables, among which a token or an address with a password may be.
_tracebacks: Final = structlog.processors.ExceptionRenderer(
    structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
)

_CONTROL: Final = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def escape(text: str) -> str:
    """The text in one line: what could end a line or steer a terminal is written as an escape sequence."""
    return _CONTROL.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def log_request(fields: dict[str, object]) -> None:
    """One line of the access log. Every request has one, so it goes straight to where the log goes: through all that
    structlog and logging do for a line, it would cost more than the read that it tells of."""

    root = logging.getLogger()
    for handler in root.handlers:
        if isinstance(handler, _Handler):
            if root.level <= logging.INFO:
                handler.write_request(fields)
            return
    structlog.get_logger("registry.access").info("request", **fields)


def configure_logs(form: Literal["auto", "json", "text"], level: str = "info") -> None:
    """Send the service's own log and that of its libraries to standard error in one form, from `level` up."""

    as_text = form == "text" or (form == "auto" and sys.stderr.isatty())
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    last: list[structlog.typing.Processor] = (
        [structlog.processors.format_exc_info, _as_line]
        if as_text
        else [_tracebacks, structlog.processors.JSONRenderer()]
    )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler = _Handler(as_text=as_text)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    logging.getLogger("registry").setLevel(level.upper())
    # What libraries tell in detail may hold what no log should: requests with their headers, statements with values.
    root.setLevel(max(logging.INFO, logging.getLogger("registry").level))
    # Each tells of every revision, connection or request: the service says in one line what they say in many.
    for name in ("alembic", "uvicorn", "asyncio", "litestar"):
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))


class _Handler(logging.StreamHandler[TextIO]):
    """Writes to standard error."""

    def __init__(self, *, as_text: bool) -> None:
        super().__init__(sys.stderr)
        self._as_text = as_text

    def write_request(self, fields: dict[str, object]) -> None:
        event = {
            **fields,
            "event": "request",
            "level": "info",
            "timestamp": datetime.now(UTC).isoformat().replace("+00:00", "Z"),
        }
        line = _as_line(None, "", event) if self._as_text else msgspec.json.encode(event).decode()
        # As in logging: that a log can't be written is no reason to fail a request.
        with self.lock or nullcontext(), suppress(OSError, ValueError):
            self.stream.write(f"{line}\n")
            self.flush()


def _as_line(_logger: object, _method: str, event: MutableMapping[str, object]) -> str:
    at, level, text = event.pop("timestamp", ""), str(event.pop("level", "")), str(event.pop("event", ""))
    exception = event.pop("exception", None)
    pairs = " ".join(f"{key}={escape(str(value))}" for key, value in event.items())
    line = f"{at} {level:7} {escape(text)} {pairs}".rstrip()
    return line if exception is None else f"{line}\n{exception}"
