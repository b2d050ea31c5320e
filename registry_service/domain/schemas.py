"""JSON Schemas (2020-12) as values: what of them can be reasoned about, and the rest as it is written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from math import ceil, floor, inf, isfinite
from typing import Any, Final, NamedTuple

from registry_service.domain.canonical import MAX_SAFE_INTEGER, canonical

# JSON Schema's integers are numbers too; kept apart, types are plain sets. A fraction is a number that is no integer.
TYPES: Final = frozenset({"null", "boolean", "object", "array", "string", "integer", "fraction"})

_SILENT: Final = frozenset(
    {
        "$anchor", "$comment", "$defs", "$id", "$schema", "default", "definitions", "deprecated", "description",
        "examples", "readOnly", "title", "writeOnly",
    }
)  # fmt: skip
# They say what others of the same schema are about: with them there, the others mean less than they seem to.
_RULED_BY: Final = {"additionalProperties": "patternProperties", "items": "prefixItems"}


class Bound(NamedTuple):
    """One end of a range. Of two lower bounds the smaller admits more, of two upper ones the larger: at the same value
    `step` tells whether the value itself belongs to it (lower: 0, upper: 1) or not (lower: 1, upper: 0)."""

    value: float
    step: int

    @property
    def written(self) -> str:
        return f"{self.value:g}"


class Range(NamedTuple):
    lowest: Bound = Bound(-inf, 0)
    highest: Bound = Bound(inf, 1)

    @property
    def is_empty(self) -> bool:
        low, high = self.lowest, self.highest
        return low.value > high.value or (low.value == high.value and (low.step, high.step) != (0, 1))

    def holds(self, value: float) -> bool:
        return self.lowest <= (value, 0) and self.highest >= (value, 1)


EVERYWHERE: Final = Range()


@dataclass(frozen=True, slots=True)
class Schema:
    """What a schema admits. `types` are those of which it admits a value at all. `enum`: these values only, by their
    canonical JSON, because to Python True is 1. `others` are keywords that can't be reasoned about, which may refuse
    more."""

    types: frozenset[str] = TYPES
    enum: Mapping[bytes, Any] | None = None
    range: Range = EVERYWHERE
    properties: Mapping[str, Schema] = field(default_factory=dict)
    required: frozenset[str] = frozenset()
    rest: Schema | None = None
    elements: Schema | None = None
    others: Mapping[str, Any] = field(default_factory=dict)

    @property
    def additional(self) -> Schema:
        """What any other property must be."""
        return self.rest or ANYTHING

    @property
    def items(self) -> Schema:
        """What each element must be."""
        return self.elements or ANYTHING

    def at(self, name: str) -> Schema:
        return self.properties.get(name) or self.additional

    @property
    def is_empty(self) -> bool:
        """Whether it admits nothing at all."""
        return not self.types or self.enum == {}

    @property
    def admits_all(self) -> bool:
        return self == ANYTHING

    def numbers(self, *, whole: bool) -> Range:
        """The numbers that it admits; `whole`: of the integers, whose nearest are the bounds."""
        if not whole:
            return self.range
        low, high = self.range
        if isfinite(low.value):
            low = Bound(floor(low.value) + 1 if low.step else ceil(low.value), 0)
        if isfinite(high.value):
            high = Bound(floor(high.value) if high.step else ceil(high.value) - 1, 1)
        return Range(low, high)


ANYTHING: Final = Schema()
NOTHING: Final = Schema(types=frozenset())


def read_schema(written: object) -> Schema:
    """A schema as it is written. What is malformed counts as what can't be reasoned about."""

    if isinstance(written, bool):
        return ANYTHING if written else NOTHING
    if not isinstance(written, Mapping):
        return Schema(others={"schema": written})
    others = {name: value for name, value in written.items() if name not in _SILENT}
    known: dict[str, Any] = {}
    for name, read in _READERS.items():
        if name in others and (value := read(others[name])) is not None:
            del others[name]
            if _RULED_BY.get(name) not in written:
                known[name] = value
    rest, elements = known.get("additionalProperties"), known.get("items")
    lows = [known[name] for name in ("minimum", "exclusiveMinimum") if name in known]
    highs = [known[name] for name in ("maximum", "exclusiveMaximum") if name in known]
    schema = Schema(
        types=known.get("type", TYPES),
        range=Range(max(lows, default=EVERYWHERE.lowest), min(highs, default=EVERYWHERE.highest)),
        properties=known.get("properties", {}),
        required=known.get("required", frozenset()),
        rest=None if rest == ANYTHING else rest,
        elements=None if elements == ANYTHING else elements,
        others=others,
    )
    schema = replace(schema, types=schema.types - _impossible(schema))
    listed = [known[name] for name in ("enum", "const") if name in known]
    if not listed:
        return schema
    first, *more = ({canonical(value): value for value in values} for values in listed)
    kept = {key: value for key, value in first.items() if all(key in other for other in more)}
    return replace(schema, enum={key: value for key, value in kept.items() if admits(schema, value) is not False})


def admits(schema: Schema, value: object) -> bool | None:
    """Whether the schema admits the value; None where it can't be told."""

    if _type_of(value) not in schema.types or (schema.enum is not None and canonical(value) not in schema.enum):
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


def every_value(schema: Schema, *, at_most: int) -> list[tuple[Any, bool]] | None:
    """All values that the schema admits, each with whether that is certain; None where they are too many to list."""

    if schema.enum is not None:
        return [(value, admits(schema, value) is True) for value in schema.enum.values()]
    if schema.types - {"null", "boolean", "integer", "fraction"}:
        return None
    found: list[Any] = [None] if "null" in schema.types else []
    found += [False, True] if "boolean" in schema.types else []
    if schema.types & {"integer", "fraction"}:
        low, high = (bound.value for bound in schema.numbers(whole="fraction" not in schema.types))
        if high - low > (0 if "fraction" in schema.types else at_most):
            return None
        found += [low] if low == high else range(int(low), int(high) + 1)
    # Integers so large are the floats that JSON makes of them.
    found = [float(value) if value is not None and abs(value) > MAX_SAFE_INTEGER else value for value in found]
    return [(value, not schema.others) for value in found]


def _impossible(schema: Schema) -> set[str]:
    """The types of which no value can fulfil what else the schema says."""

    gone = set[str]()
    if schema.numbers(whole=True).is_empty:
        gone.add("integer")
    low, high = schema.range
    if schema.range.is_empty or (low.value == high.value and low.value == floor(low.value)):
        gone.add("fraction")
    if any(schema.at(name).is_empty for name in schema.required):
        gone.add("object")
    return gone


def _type_of(value: object) -> str:
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


# -------------------------------------------------------------------- readers: None where the value is malformed


def _types(written: object) -> frozenset[str] | None:
    names = [written] if isinstance(written, str) else written
    if not isinstance(names, list | tuple) or not all(isinstance(name, str) for name in names):
        return None
    if set(names) - {*TYPES, "number"} or "fraction" in names:
        return None
    return frozenset(names) - {"number"} | ({"integer", "fraction"} if "number" in names else set())


def _properties(written: object) -> dict[str, Schema] | None:
    if not isinstance(written, Mapping):
        return None
    return {name: read_schema(inner) for name, inner in written.items()}


def _names(written: object) -> frozenset[str] | None:
    if not isinstance(written, list | tuple) or not all(isinstance(name, str) for name in written):
        return None
    return frozenset(written)


def _values(written: object) -> tuple[Any, ...] | None:
    return tuple(written) if isinstance(written, list | tuple) else None


def _schema(written: object) -> Schema | None:
    return read_schema(written) if isinstance(written, bool | Mapping) else None


def _bound(step: int) -> Any:  # noqa: ANN401 - a reader of the table below
    def read(written: object) -> Bound | None:
        is_number = isinstance(written, int | float) and not isinstance(written, bool)
        return Bound(written, step) if is_number else None  # type: ignore[arg-type] # mypy loses what is_number says

    return read


_READERS: Final = {
    "type": _types,
    "enum": _values,
    "const": lambda written: (written,),
    "minimum": _bound(0),
    "exclusiveMinimum": _bound(1),
    "maximum": _bound(1),
    "exclusiveMaximum": _bound(0),
    "properties": _properties,
    "required": _names,
    "additionalProperties": _schema,
    "items": _schema,
}
