"""Times that count from now: `now`, `now-7d`, `now+2h`. One form, without spaces, so that it can't be taken for a
computation: a number and one of the units s, m, h, d, w (seconds, minutes, hours, days, weeks).

What `now` is, whoever asks says: the language has no clock.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Final

FORM: Final = "now, now-7d or now+12h; units are s, m, h, d and w"

_FORM: Final = re.compile(r"(?i:now)(?:([+-])([0-9]{1,9})([smhdw]))?")
_UNITS: Final = MappingProxyType({"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"})


def is_relative(text: str) -> bool:
    """Whether the text means to be such a time."""
    return text[:3].lower() == "now"


def moment(text: str, now: datetime) -> datetime:
    """The time that the text stands for.

    :raises ValueError: it is no such time, or one that no calendar has.
    """

    found = _FORM.fullmatch(text)
    if found is None:
        raise ValueError(f"expected {FORM}")
    sign, number, unit = found.groups()
    if sign is None:
        return now
    try:
        span = timedelta(**{_UNITS[unit]: int(number)})
        return now.astimezone(UTC) + (span if sign == "+" else -span)
    except OverflowError as error:
        raise ValueError("no calendar has this time; give a shorter span") from error
