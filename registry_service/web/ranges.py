"""Byte ranges of a download (RFC 9110, section 14). Pure."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from registry_service.domain.errors import InvalidRange

_SINGLE: Final = re.compile(r"bytes=\s*([0-9]{0,18})-([0-9]{0,18})\s*", re.IGNORECASE)


class ByteRange(NamedTuple):
    """Bytes `start` to before `stop`."""

    start: int
    stop: int


def parse_range(header: str, size: int) -> ByteRange | None:
    """The one range that a Range header asks of `size` bytes. None where the whole is to be sent: the header is
    none of ours (another unit, several ranges), which a server may ignore.

    :raises InvalidRange: the range is past the end.
    """

    found = _SINGLE.fullmatch(header)
    if found is None or (not found[1] and not found[2]):
        return None
    if found[1]:
        start, stop = int(found[1]), int(found[2]) + 1 if found[2] else size
        if found[2] and start >= stop:
            return None
    else:
        # The last so many bytes.
        start, stop = max(size - int(found[2]), 0), size
    if start >= size:
        raise InvalidRange(f"The file has {size:,} bytes. Ask for a range inside of them.", size=size)
    return ByteRange(start, min(stop, size))
