"""JSON Schemas (2020-12) as values: alternatives, each made of what can be reasoned about, and the rest by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from math import ceil, floor, inf, isfinite
from typing import Any, Final, NamedTuple, Protocol

# JSON Schema's integers are numbers too; kept apart, types are plain sets. A fraction is a number that is no integer.
TYPES: Final = frozenset({"null", "boolean", "object", "array", "string", "integer", "fraction"})


class Bound(NamedTuple):
    """One end of a range. Of two lower bounds the smaller admits more, of two upper ones the larger: at the same value
    `step` tells whether the value itself belongs to it (lower: 0, upper: 1) or not (lower: 1, upper: 0). So the bound
    of what lies beyond is the same one, read as the other end."""

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

    def __and__(self, other: Range) -> Range:
        return Range(max(self.lowest, other.lowest), min(self.highest, other.highest))


EVERYWHERE: Final = Range()


class Effort:
    """How many steps may still be taken; with none left, whatever is asked can't be told."""

    def __init__(self, steps: int) -> None:
        self.steps = steps

    def spend(self, steps: int = 1) -> bool:
        self.steps -= steps
        return self.steps >= 0


@dataclass(frozen=True, eq=False, slots=True)
class Place:
    """Where a schema is written. `embedded`: inside one with an address (`$id`) of its own, to which references there
    are relative. One place is one object, so that it is known again."""

    written: object
    embedded: bool = False


class Document(Protocol):
    effort: Effort
    dialect: object

    def alternatives(self, places: frozenset[Place]) -> tuple[Schema, ...]: ...


@dataclass(frozen=True, slots=True)
class Node:
    """What all of several places of a document demand together; of none: nothing. It is read when it is looked into,
    because a schema may lead back to itself."""

    document: Document | None = None
    places: frozenset[Place] = frozenset()

    @property
    def alternatives(self) -> tuple[Schema, ...]:
        """It admits what one of these admits."""
        return self.document.alternatives(self.places) if self.document else (ANYTHING,)

    def spend(self) -> bool:
        return self.document is None or self.document.effort.spend()

    def __and__(self, other: Node) -> Node:
        return Node(self.document or other.document, self.places | other.places)


ANY_NODE: Final = Node()


@dataclass(frozen=True, slots=True)
class Schema:
    """One alternative. `types` are those of which it may admit a value. `enum`: these values only, by their canonical
    JSON, because to Python True is 1. `others` are keywords, with their canonical JSON, that can't be reasoned about,
    which may refuse more."""

    types: frozenset[str] = TYPES
    enum: Mapping[bytes, Any] | None = None
    range: Range = EVERYWHERE
    properties: Mapping[str, Node] = field(default_factory=dict)
    required: frozenset[str] = frozenset()
    additional: Node = ANY_NODE
    items: Node = ANY_NODE
    others: frozenset[tuple[str, bytes]] = frozenset()

    def at(self, name: str) -> Node:
        return self.properties.get(name, self.additional)

    @property
    def blind_to(self) -> frozenset[str]:
        return frozenset(name for name, _ in self.others)

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

    def without_impossible_numbers(self) -> Schema:
        gone = set[str]()
        if self.numbers(whole=True).is_empty:
            gone.add("integer")
        low, high = self.range
        if self.range.is_empty or (low.value == high.value and low.value == floor(low.value)):
            gone.add("fraction")
        return replace(self, types=self.types - gone) if gone else self

    def __and__(self, other: Schema) -> Schema:
        """What both admit."""
        enum = self.enum if other.enum is None else other.enum
        if self.enum is not None and other.enum is not None:
            enum = {key: value for key, value in self.enum.items() if key in other.enum}
        return Schema(
            types=self.types & other.types,
            enum=enum,
            range=self.range & other.range,
            properties={
                name: self.at(name) & other.at(name) for name in self.properties.keys() | other.properties.keys()
            },
            required=self.required | other.required,
            additional=self.additional & other.additional,
            items=self.items & other.items,
            others=self.others | other.others,
        ).without_impossible_numbers()


ANYTHING: Final = Schema()
NOTHING: Final = Schema(types=frozenset())


def unclear(keyword: str, written: bytes = b"") -> Schema:
    """What may refuse anything."""
    return Schema(others=frozenset({(keyword, written)}))
