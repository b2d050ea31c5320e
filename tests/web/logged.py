"""What the service logs, caught where it goes out."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

import structlog

from registry_service.web.logs import configure_logs


@contextmanager
def logged(form: Literal["json", "text"] = "json", level: str = "info") -> Iterator[io.StringIO]:
    """What is logged inside, by any thread of this process."""

    root = logging.getLogger()
    before, before_level = root.handlers, root.level
    configure_logs(form, level)
    # The tests' own client, which is in the same process.
    logging.getLogger("httpx").setLevel(logging.WARNING)
    sink = io.StringIO()
    handler = root.handlers[0]
    assert isinstance(handler, logging.StreamHandler)
    handler.setStream(sink)
    try:
        yield sink
    finally:
        root.handlers = before
        root.setLevel(before_level)
        for name in ("registry", "httpx"):
            logging.getLogger(name).setLevel(logging.NOTSET)
        structlog.reset_defaults()
