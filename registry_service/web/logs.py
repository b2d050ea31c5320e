"""Structured logs: one line per event, as JSON or as text, never with a control character in it."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Final, Literal

import structlog

# Without the values of local variables, among which a token or an address with a password may be.
_tracebacks: Final = structlog.processors.ExceptionRenderer(
    structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
)

_CONTROL: Final = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def escape(text: str) -> str:
    """The text in one line: what could end a line or steer a terminal is written as an escape sequence."""
    return _CONTROL.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def configure_logs(form: Literal["auto", "json", "text"]) -> None:
    """Send the service's own log and that of its libraries to standard error in one form."""

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
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.INFO)
    # Each tells of every revision, connection or request: the service says in one line what they say in many.
    for name in ("alembic", "uvicorn", "asyncio", "litestar"):
        logging.getLogger(name).setLevel(logging.WARNING)


def _as_line(_logger: object, _method: str, event: MutableMapping[str, object]) -> str:
    at, level, text = event.pop("timestamp", ""), str(event.pop("level", "")), str(event.pop("event", ""))
    exception = event.pop("exception", None)
    pairs = " ".join(f"{key}={escape(str(value))}" for key, value in event.items())
    line = f"{at} {level:7} {escape(text)} {pairs}".rstrip()
    return line if exception is None else f"{line}\n{exception}"
