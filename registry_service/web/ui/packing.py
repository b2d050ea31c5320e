"""Pages, styles and scripts go out packed to browsers that take them so: most of a page's text stands in it often.

What is packed together with secrets can give them away by its length, to somebody who makes a browser ask for texts of
their choice. No page holds one, and a session's cookie doesn't come with what other sites make a browser ask for.
"""

from __future__ import annotations

import gzip
import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from litestar import Response

PACKED: Final = MappingProxyType({"content-encoding": "gzip"})

_NAME: Final = "gzip"
_REFUSED: Final = re.compile(r"q=0(\.0*)?")
_LEVEL: Final = 6


def takes_packed(headers: Mapping[str, str]) -> bool:
    """Whether the browser names this way of packing, and doesn't name it as one that it refuses."""

    for given in headers.get("accept-encoding", "").lower().split(","):
        name, _, weight = (part.strip() for part in given.partition(";"))
        if name == _NAME:
            return _REFUSED.fullmatch(weight) is None
    return False


def pack(body: bytes) -> bytes:
    return gzip.compress(body, _LEVEL, mtime=0)


class PackedResponse(Response[str]):
    """Text that goes out packed. Its headers must say so, by `PACKED`."""

    def render(self, *args: Any, **kwargs: Any) -> bytes:
        return pack(super().render(*args, **kwargs))
