"""Front matter of model cards: YAML 1.2, cut down to what JSON can say as well.

Nothing of what the YAML names is ever made. PyYAML parses into events, and the values come from these by the core
schema of YAML 1.2.2 (section 10.3.2), by which `language: no` is the language and a date is text. What can grow or act
is refused: anchors, aliases, tags, several documents, keys that are no plain values. A number that JSON can't keep
exactly (beyond 2^53, infinities, NaN) stays the text that it was written as.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import Any, Final

import yaml

from registry_service.domain.canonical import MAX_SAFE_INTEGER
from registry_service.domain.errors import InvalidCard

MAX_DEPTH: Final = 12
# The same parser in C, where the wheel has it, is twenty times as fast.
LOADER: Final[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

_NULL: Final = frozenset({"", "~", "null", "Null", "NULL"})
_BOOLEAN: Final = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_NO_TEXT: Final = re.compile("[\0\ud800-\udfff]")
_INTEGER: Final = re.compile(r"([-+]?[0-9]{1,20})|0o([0-7]{1,20})|0x([0-9a-fA-F]{1,20})", re.ASCII)
_FLOAT: Final = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?", re.ASCII)


def read_front_matter(text: str, *, loader: Any = LOADER) -> dict[str, Any]:  # noqa: ANN401 - a class of PyYAML's
    """The fields that the front matter names, in their order; of front matter that says nothing, none.

    :param loader: whose parser is used; the tests hold both to the same answers
    :raises InvalidCard: it is no YAML, or YAML with what is refused here; `details["line"]` counts in the card.
    """

    try:
        # Lazily: what is nested too deeply is refused before the parser has gone far into it.
        found = _document(yaml.parse(text, Loader=loader))
    except yaml.MarkedYAMLError as error:
        problem = " ".join(part for part in (error.context, error.problem) if part)
        raise _refusal(f"is no YAML: {problem}", error.problem_mark) from error
    except yaml.YAMLError as error:  # a character that may not stand in YAML; it says so at length
        raise InvalidCard("The front matter holds a character that YAML doesn't allow. Leave it out.") from error
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise InvalidCard("The front matter isn't fields with values. Write lines such as 'license: apache-2.0'.")
    return found


def _document(events: Iterator[Any]) -> Any:  # noqa: ANN401 - a value of JSON
    next(events)  # the stream begins
    first = next(events)
    if isinstance(first, yaml.StreamEndEvent):
        return None
    found = _value(next(events), events, 1)
    next(events)  # the document ends
    behind = next(events)
    if not isinstance(behind, yaml.StreamEndEvent):
        raise _refusal("holds several documents. Write one", behind.start_mark)
    return found


def _value(event: Any, events: Iterator[Any], depth: int) -> Any:  # noqa: ANN401 - an event, and a value of JSON
    if isinstance(event, yaml.AliasEvent) or event.anchor is not None:
        raise _refusal("has an anchor or alias (& or *). Write the value out, or quote it", event.start_mark)
    if event.tag is not None:
        raise _refusal("has a tag (!). Leave it out, or quote the value", event.start_mark)
    if isinstance(event, yaml.ScalarEvent):
        text = _text(event)
        return _scalar(text) if event.implicit[0] else text  # quoted, it is text
    if depth > MAX_DEPTH:
        raise _refusal(f"is nested deeper than {MAX_DEPTH} levels. Flatten it", event.start_mark)
    if isinstance(event, yaml.SequenceStartEvent):
        return [_value(inner, events, depth + 1) for inner in _until(yaml.SequenceEndEvent, events)]
    found: dict[str, Any] = {}
    for key in _until(yaml.MappingEndEvent, events):
        if not isinstance(key, yaml.ScalarEvent) or key.anchor is not None or key.tag is not None:
            raise _refusal("has a key that is no plain text. Write one such as 'license'", key.start_mark)
        name = _text(key)
        if name in found:
            raise _refusal(f"names '{name[:80]}' twice. Name it once", key.start_mark)
        found[name] = _value(next(events), events, depth + 1)
    return found


def _until(end: type[Any], events: Iterator[Any]) -> Iterator[Any]:
    """The events before one of this kind, as far as nobody else takes them."""

    while not isinstance(event := next(events), end):
        yield event


def _text(event: Any) -> str:  # noqa: ANN401 - a scalar of PyYAML's
    """What it says, as written by escapes too, of which the parser that isn't in C lets halves of characters pass."""

    text: str = event.value
    if _NO_TEXT.search(text):
        raise _refusal("holds NUL or half of a surrogate pair. Leave it out", event.start_mark)
    return text


def _scalar(text: str) -> Any:  # noqa: ANN401 - a value of JSON
    """A plain scalar by the core schema. Keys are none: they stay as they are written."""

    if text in _NULL:
        return None
    if text in _BOOLEAN:
        return _BOOLEAN[text]
    if (whole := _INTEGER.fullmatch(text)) is not None:
        number = int(whole[1]) if whole[1] else int(whole[2], 8) if whole[2] else int(whole[3], 16)
        return number if abs(number) <= MAX_SAFE_INTEGER else text
    if _FLOAT.fullmatch(text) is not None:
        real = float(text)
        return real if math.isfinite(real) else text
    return text


def _refusal(what: str, mark: Any) -> InvalidCard:  # noqa: ANN401 - a mark of PyYAML's
    # Its lines count from 0, and the card's first one is the ---.
    line = mark.line + 2
    return InvalidCard(f"The front matter {what} (line {line}).", line=line)
