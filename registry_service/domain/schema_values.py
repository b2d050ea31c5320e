"""Which values a schema admits, as far as can be told: whether a given one, all where they are few, and some."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import chain
from math import floor, isfinite
from typing import Any, Final

from registry_service.domain.canonical import MAX_SAFE_INTEGER, canonical
from registry_service.domain.schemas import Node, Range, Schema

# Objects may demand objects without an end: so deep they are looked into.
MAX_DEMANDED: Final = 8
MAX_TRIED: Final = 200

# One value, or none that is known: None is a value too.
Found = tuple[Any, ...]


def admits(node: Node, value: object) -> bool | None:
    """Whether the value is admitted; None where it can't be told."""

    if not node.spend():
        return None
    return _one_of(admits_one(schema, value) for schema in node.alternatives)


def admits_one(schema: Schema, value: object) -> bool | None:
    if type_of(value) not in schema.types or (schema.enum is not None and canonical(value) not in schema.enum):
        return False
    inner: list[bool | None] = [None] if schema.others else []
    if isinstance(value, Mapping):
        if schema.required - value.keys():
            return False
        inner += [admits(schema.at(name), one) for name, one in value.items()]
    elif isinstance(value, list | tuple):
        inner += [admits(schema.items, one) for one in value]
    elif isinstance(value, int | float) and not isinstance(value, bool):
        inner.append(schema.range.holds(value))
    return False if False in inner else None if None in inner else True


def _one_of(answers: Iterator[bool | None]) -> bool | None:
    told = set[bool | None]()
    for answer in answers:
        if answer:
            return True
        told.add(answer)
    return None if None in told else False


def every_value(schema: Schema, *, at_most: int) -> list[Any] | None:
    """All values that the schema may admit; None where they are too many to list."""

    if schema.enum is not None:
        return [value for value in schema.enum.values() if admits_one(schema, value) is not False]
    if schema.types - {"null", "boolean", "integer", "fraction"}:
        return None
    found: list[Any] = [None] if "null" in schema.types else []
    found += [False, True] if "boolean" in schema.types else []
    if schema.types & {"integer", "fraction"}:
        low, high = (bound.value for bound in schema.numbers(whole="fraction" not in schema.types))
        if high - low > (0 if "fraction" in schema.types else at_most):
            return None
        found += [low] if low == high else range(int(low), int(high) + 1)
    return [as_json(value) for value in found]


def is_empty(schema: Schema, depth: int = 0) -> bool:
    """Whether it certainly admits nothing at all."""

    return not possible(schema, depth).types or (
        schema.enum is not None and all(admits_one(schema, value) is False for value in schema.enum.values())
    )


def possible(schema: Schema, depth: int = 0) -> Schema:
    """The same without objects, where one of those that it demands in them is empty."""

    if "object" in schema.types and depth < MAX_DEMANDED:
        for name in sorted(schema.required):
            node = schema.at(name)
            if node.spend() and all(is_empty(one, depth + 1) for one in node.alternatives):
                return replace(schema, types=schema.types - {"object"})
    return schema


def example(node: Node, depth: int = 0) -> Found:
    """A value that the schema admits, if one can be found."""

    if depth > MAX_DEMANDED or not node.spend():
        return ()
    return next((found for schema in node.alternatives if (found := example_of(schema, schema.types, depth))), ())


def example_of(schema: Schema, types: frozenset[str], depth: int = 0) -> Found:
    """A value of one of the types that the schema admits, if one can be found."""

    if schema.enum is not None:
        listed = (value for value in schema.enum.values() if type_of(value) in types)
        return next(((value,) for value in listed if admits_one(schema, value)), ())
    for kind in sorted(types & schema.types):
        if found := _example_of_type(schema, kind, depth):
            return found
    return ()


def _example_of_type(schema: Schema, kind: str, depth: int) -> Found:
    match kind:
        case "null":
            return (None,)
        case "boolean":
            return (True,)
        case "string":
            return ("",)
        case "array":
            return ([],)
        case "object":
            return example_object(schema, depth)
        case _:
            return next(((value,) for value in numbers_of(schema.range, {kind})), ())


def example_object(schema: Schema, depth: int = 0) -> Found:
    """The object with nothing but what is required."""

    required = {name: example(schema.at(name), depth + 1) for name in sorted(schema.required)}
    return ({name: found[0] for name, found in required.items()},) if all(required.values()) else ()


def numbers_of(span: Range, types: set[str] | frozenset[str]) -> Iterator[float]:
    """Some numbers of the types `integer` and `fraction`, from the ends of a range inwards."""

    low, high = span.lowest.value, span.highest.value
    finite = [end for end in (low, high) if isfinite(end)] or [0.0]
    start, end = finite[0], finite[-1]
    middle = start / 2 + end / 2
    near = chain.from_iterable(
        (floor(start) + step, floor(end) - step, start + 1 / (step + 2), end - 1 / (step + 2))
        for step in range(MAX_TRIED)
    )
    for value in (middle, start / 2 + middle / 2, start * 2, end * 2, *near):
        number = as_json(value)
        if isfinite(number) and span.holds(number) and type_of(number) in types:
            yield number


def as_json(value: Any) -> Any:  # noqa: ANN401 - any value
    """Integers so large are the floats that JSON makes of them."""

    return float(value) if isinstance(value, int) and abs(value) > MAX_SAFE_INTEGER else value


def type_of(value: object) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case str():
            return "string"
        case int() | float():
            return "integer" if value == floor(value) else "fraction"
        case Mapping():
            return "object"
        case _:
            return "array"
