"""One text in every disguise under which checks have let it pass elsewhere."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

UP: Final = "../"

ENCODINGS: Final[Mapping[str, Callable[[str], str]]] = MappingProxyType(
    {
        "raw": lambda text: text,
        "percent": lambda text: text.replace(UP, "%2e%2e%2f"),
        "twice": lambda text: text.replace(UP, "%252e%252e%252f"),
        "overlong dot": lambda text: text.replace(UP, "%c0%ae%c0%ae/"),
        "percent backslash": lambda text: text.replace(UP, "..%5c"),
        "backslash": lambda text: text.replace("/", "\\"),
        "mixed case": lambda text: text.replace(UP, "%2E%2e%2F").swapcase(),
        "parameter": lambda text: f"{text};x=1",
        "fragment": lambda text: f"{text}#frag",
        "query": lambda text: f"{text}?q",
        "nul": lambda text: f"{text}%00.bin",
        "trailing dot": lambda text: f"{text}.",
        "trailing space": lambda text: f"{text}%20",
        "look-alikes": lambda text: text.replace(UP, "%EF%BC%8E%EF%BC%8E%EF%BC%8F"),
        "look-alike of two dots": lambda text: text.replace("..", "%E2%80%A5"),
        "overlong": lambda text: text.replace(UP, "%e0%80%ae%e0%80%ae%e0%80%af"),
        "8 KiB": lambda text: text + "a" * 8192,
    }
)


def in_url(text: str) -> list[bytes]:
    """In a path or a query, as bytes of the request's target."""
    return [encode(text).encode() for encode in ENCODINGS.values()]


def in_json(text: str) -> list[bytes]:
    """In a string of JSON: as a URL would have it, for whoever decodes once too often, and as it is when decoded."""
    written = [json.dumps(encode(text))[1:-1].encode() for encode in ENCODINGS.values()]
    decoded = [text + "\0.bin", text + " ", text.replace(UP, "\uff0e\uff0e\uff0f"), text.replace("..", "\u2025")]
    raw = [text.replace(UP, up).encode("latin-1") for up in ("\xc0\xae\xc0\xae\xc0\xaf", "\xe0\x80\xae\xe0\x80\xae/")]
    return [*written, *(json.dumps(one)[1:-1].encode() for one in decoded), *raw]
