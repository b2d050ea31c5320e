"""What keeps a document from being a JSON Schema: keywords whose values are none, by the meta-schema of 2020-12.

Unknown keywords say nothing, as there. Patterns are not read: they are regular expressions of ECMA-262, which others
here know only in part. A schema of another dialect (`$schema`) goes by rules of its own, and is taken as it is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from math import isfinite
from types import MappingProxyType
from typing import Any, Final, NamedTuple

DIALECT: Final = "https://json-schema.org/draft/2020-12/"

_TYPES: Final = frozenset({"array", "boolean", "integer", "null", "number", "object", "string"})
_ANCHOR: Final = re.compile(r"[A-Za-z_][-A-Za-z0-9._]*\Z")
_ADDRESS: Final = re.compile(r"[^#]*#?\Z")


class Fault(NamedTuple):
    """`path`: a JSON Pointer (RFC 6901) to the value that is none; empty for the whole."""

    path: str
    what: str


def faults_of(schema: object) -> Iterator[Fault]:
    """All of them, the outermost first."""

    dialect = schema.get("$schema") if isinstance(schema, Mapping) else None
    if isinstance(dialect, str) and dialect and not dialect.startswith(DIALECT):
        return
    # As a list: a document may be nested deeper than calls can be.
    left: list[tuple[str, object]] = [("", schema)]
    for path, found in left:
        if isinstance(found, bool):
            continue
        if not isinstance(found, Mapping):
            yield Fault(path, "is neither an object nor true or false")
            continue
        for name, value in found.items():
            below = f"{path}/{_token(name)}"
            if name in _PLAIN:
                fits, what = _PLAIN[name]
                if not fits(value):
                    yield Fault(below, f"is {what}")
            elif name in _INSIDE:
                fits, what, inside = _INSIDE[name]
                if fits(value):
                    left += [(f"{below}{rest}", one) for rest, one in inside(value)]
                else:
                    yield Fault(below, f"is {what}")


def _token(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_flag(value: object) -> bool:
    return isinstance(value, bool)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_count(value: Any) -> bool:  # noqa: ANN401 - whatever JSON holds
    return _is_number(value) and value >= 0 and isfinite(value) and value == int(value)


def _is_list(value: object) -> bool:
    return isinstance(value, list | tuple)


def _is_object(value: object) -> bool:
    return isinstance(value, Mapping)


def _are_names(value: Any) -> bool:  # noqa: ANN401
    return _is_list(value) and all(map(_is_text, value)) and len(set(value)) == len(value)


def _are_types(value: Any) -> bool:  # noqa: ANN401
    if _is_text(value):
        return value in _TYPES
    return _are_names(value) and bool(value) and _TYPES.issuperset(value)


def _are_schemas(value: Any) -> bool:  # noqa: ANN401
    return _is_list(value) and bool(value)


def _each(value: Sequence[object]) -> list[tuple[str, object]]:
    return [(f"/{index}", one) for index, one in enumerate(value)]


def _named(value: Mapping[str, object]) -> list[tuple[str, object]]:
    return [(f"/{_token(name)}", one) for name, one in value.items()]


def _itself(value: object) -> list[tuple[str, object]]:
    return [("", value)]


_Fits = Callable[[Any], bool]
_TEXT: Final = (_is_text, "no text")
_FLAG: Final = (_is_flag, "neither true nor false")
_NUMBER: Final = (_is_number, "no number")
_COUNT: Final = (_is_count, "no whole number from 0 on")
_LIST: Final = (_is_list, "no list")
_NAME: Final = (lambda value: _is_text(value) and _ANCHOR.match(value) is not None, "no name of an anchor")

# Keywords with a plain value: whether it is one, and what it is if not.
_PLAIN: Final[Mapping[str, tuple[_Fits, str]]] = MappingProxyType(
    {
        **dict.fromkeys(
            ("$schema", "$ref", "$dynamicRef", "$recursiveRef", "$comment", "title", "description", "format", "pattern",
             "contentEncoding", "contentMediaType"), _TEXT,
        ),
        **dict.fromkeys(("$anchor", "$dynamicAnchor", "$recursiveAnchor"), _NAME),
        **dict.fromkeys(("deprecated", "readOnly", "writeOnly", "uniqueItems"), _FLAG),
        **dict.fromkeys(("maximum", "exclusiveMaximum", "minimum", "exclusiveMinimum"), _NUMBER),
        **dict.fromkeys(
            ("maxLength", "minLength", "maxItems", "minItems", "maxContains", "minContains", "maxProperties",
             "minProperties"), _COUNT,
        ),
        **dict.fromkeys(("enum", "examples"), _LIST),
        "$id": (lambda value: _is_text(value) and _ADDRESS.match(value) is not None, "no address without a fragment"),
        "$vocabulary": (lambda value: _is_object(value) and all(map(_is_flag, value.values())), "no object of flags"),
        "multipleOf": (lambda value: _is_number(value) and value > 0, "no number above 0"),
        "required": (_are_names, "no list of different names"),
        "dependentRequired": (
            lambda value: _is_object(value) and all(map(_are_names, value.values())),
            "no object of lists of different names",
        ),
        "type": (_are_types, f"none of {', '.join(sorted(_TYPES))}, nor a list of different ones"),
    }
)  # fmt: skip
_Inside = Callable[[Any], list[tuple[str, object]]]
_ONE: Final = (lambda _: True, "", _itself)
_SOME: Final = (_are_schemas, "no list with a schema in it", _each)
_BY_NAME: Final = (_is_object, "no object of schemas", _named)


def _dependencies(value: Mapping[str, object]) -> list[tuple[str, object]]:
    return [(path, one) for path, one in _named(value) if not _are_names(one)]


# Keywords with schemas inside: the same, and where these are.
_INSIDE: Final[Mapping[str, tuple[_Fits, str, _Inside]]] = MappingProxyType(
    {
        **dict.fromkeys(
            ("items", "contains", "additionalProperties", "propertyNames", "if", "then", "else", "not",
             "unevaluatedItems", "unevaluatedProperties", "contentSchema"), _ONE,
        ),
        **dict.fromkeys(("prefixItems", "allOf", "anyOf", "oneOf"), _SOME),
        **dict.fromkeys(("$defs", "definitions", "properties", "patternProperties", "dependentSchemas"), _BY_NAME),
        "dependencies": (_is_object, "no object of schemas or lists of names", _dependencies),
    }
)  # fmt: skip
