"""What a batch run may say of a version that it used."""

from __future__ import annotations

import re
from typing import Final

from registry_service.domain.canonical import MAX_SAFE_INTEGER
from registry_service.domain.errors import InvalidInput
from registry_service.domain.manifest import check_digest
from registry_service.domain.names import check_text
from registry_service.domain.references import refuse_secret
from registry_service.domain.requests import ReportUsage

MAX_LINE: Final = 1024  # bytes of UTF-8
MAX_ROWS: Final = MAX_SAFE_INTEGER

_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")


def check_usage(body: ReportUsage) -> None:
    """:raises InvalidInput: batch or run is no line of plain text, or carries a secret; or rows is no count.
    :raises InvalidDigest: digest is none.
    :raises TooLarge: batch or run is longer than 1 KiB.
    """

    for what, text in (("batch", body.batch), ("run", body.run)):
        if not text.strip() or _CONTROL.search(text):
            raise InvalidInput(f"{what} is empty or has control characters. Give one line of plain text.", field=what)
        check_text(text, what, limit=MAX_LINE)
        refuse_secret(text, what)
    if body.rows is not None and not 0 <= body.rows <= MAX_ROWS:
        raise InvalidInput(f"rows is a count from 0 to {MAX_ROWS}.", field="rows")
    if body.digest is not None:
        check_digest(body.digest)
