"""How things stand in words for people."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Final

# C0, DEL, C1 and the marks that turn the direction of text: a description must not be able to move the cursor or
# make an approver read another name than the one that is there.
_UNSAFE: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def printable(text: str) -> str:
    """The text with what can't be seen, or turns what can, written out, as its code."""
    return _UNSAFE.sub(lambda found: f"\\x{ord(found[0]):02x}", text)


def moment(at: datetime) -> str:
    """`2026-03-03 14:05 UTC`."""
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")


def span(seconds: float) -> str:
    """The largest one or two units: `2 d 3 h`, `5 min`, `40 s`. Rounded up, so that nobody comes back too early."""

    left = -int(-seconds // 1)
    parts = []
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60), ("s", 1)):
        count, left = divmod(left, size)
        if count:
            parts.append(f"{count} {unit}")
    return " ".join(parts[:2]) or "0 s"


def size(count: int) -> str:
    """A number of bytes in the unit that suits it."""

    if count < 1024:
        return f"{count} B"
    amount = float(count)
    for unit in ("KiB", "MiB", "GiB"):
        amount /= 1024
        if amount < 1024:
            return f"{amount:.1f} {unit}"
    return f"{amount / 1024:.1f} TiB"
