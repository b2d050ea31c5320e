"""Reads JSON Schemas (2020-12) as they are written: a place of the document becomes alternatives, when it is asked for.

`$ref` is followed to places of the same document (`#`, `#/$defs/point`); what stands beside it holds as well. `anyOf`,
`oneOf` and `allOf` are multiplied out. What can't be followed is kept by its name among `others`: a reference to
elsewhere, by an anchor, in a circle or from within an embedded schema; a `oneOf` whose branches might overlap; more
alternatives than MAX_ALTERNATIVES. So it may refuse anything, and admits nothing that isn't admitted without it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from itertools import combinations
from typing import Any, Final
from urllib.parse import unquote

from registry_service.domain.canonical import canonical
from registry_service.domain.schema_values import is_empty
from registry_service.domain.schemas import (
    ANY_NODE,
    ANYTHING,
    EVERYWHERE,
    TYPES,
    Bound,
    Effort,
    Node,
    Place,
    Range,
    Schema,
    unclear,
)

MAX_ALTERNATIVES: Final = 64
MAX_CHAIN: Final = 32
MAX_EFFORT: Final = 50_000

_SILENT: Final = frozenset(
    {
        "$anchor", "$comment", "$defs", "$id", "$schema", "default", "definitions", "deprecated", "description",
        "examples", "readOnly", "title", "writeOnly",
    }
)  # fmt: skip
# They say what others of the same schema are about: with them there, the others mean less than they seem to.
_RULED_BY: Final = {"additionalProperties": "patternProperties", "items": "prefixItems"}
# In the dialects before these, what stands beside `$ref` is ignored.
_REFERENCES_JOIN: Final = ("https://json-schema.org/draft/2020-12/", "https://json-schema.org/draft/2019-09/")
# OpenAPI 3.0 says by it that null is admitted too, to JSON Schema it is no word: so that may be or not.
_PERHAPS_NULL: Final = Schema(types=frozenset({"null"}), others=frozenset({("nullable", b"true")}))


def read_schema(written: object, effort: Effort | None = None) -> Node:
    """A schema as it is written. What is malformed counts as what can't be reasoned about."""

    return _Document(written, effort or Effort(MAX_EFFORT)).root


class _Document:
    def __init__(self, written: object, effort: Effort) -> None:
        self.effort = effort
        self._written = written
        self._places: dict[tuple[int, bool], Place] = {}
        self._read: dict[frozenset[Place], tuple[Schema, ...]] = {}
        self._being_read: set[frozenset[Place]] = set()
        self.dialect = written.get("$schema") if isinstance(written, Mapping) else None
        self._references_join = self.dialect is None or str(self.dialect).startswith(_REFERENCES_JOIN)

    @property
    def root(self) -> Node:
        return Node(self, frozenset({self._place(self._written, embedded=False)}))

    def alternatives(self, places: frozenset[Place]) -> tuple[Schema, ...]:
        known = self._read.get(places)
        if known is not None:
            return known
        if places in self._being_read or not self.effort.spend():
            return (unclear("schema"),)
        self._being_read.add(places)
        found = _all_of(self._alternatives(place, ()) for place in places)
        self._being_read.remove(places)
        self._read[places] = known = tuple(found) if found is not None else (unclear("schema"),)
        return known

    def _place(self, written: object, *, embedded: bool) -> Place:
        return self._places.setdefault((id(written), embedded), Place(written, embedded))

    def _inside(self, place: Place, written: object) -> Place:
        return self._place(written, embedded=place.embedded or _has_an_address(written))

    def _node(self, place: Place, written: object) -> Node:
        if written is True:
            return ANY_NODE
        return Node(self, frozenset({self._inside(place, written)}))

    def _alternatives(self, place: Place, chain: tuple[Place, ...]) -> list[Schema]:
        """:param chain: the places that led here without a step into the value"""
        written = place.written
        if isinstance(written, bool):
            return [ANYTHING] if written else []
        if not isinstance(written, Mapping):
            return [unclear("schema")]
        said = {name: value for name, value in written.items() if name not in _SILENT}
        if place in chain or len(chain) >= MAX_CHAIN or not self.effort.spend():
            return [unclear("$ref")]
        if "$ref" in said and len(said) > 1 and not self._references_join:
            return [unclear("$ref", canonical(said["$ref"]))]
        perhaps_null = said.pop("nullable") is True if isinstance(said.get("nullable"), bool) else False
        found = [self._plain(place, written, said)]
        for name in ("allOf", "anyOf", "oneOf", "$ref"):
            joined = self._joined(name, said[name], place, (*chain, place)) if name in said else None
            product = _all_of([found, joined]) if joined is not None else None
            if product is not None:
                found = product
                del said[name]
        others = frozenset((name, canonical(value)) for name, value in said.items())
        found = [one & Schema(others=others) for one in found] if others else found
        return [*found, _PERHAPS_NULL] if perhaps_null else found

    def _joined(self, name: str, value: object, place: Place, chain: tuple[Place, ...]) -> list[Schema] | None:
        if name == "$ref":
            target = None if place.embedded else self._target(value)
            return None if target is None else self._alternatives(target, chain)
        if not isinstance(value, list | tuple) or not value:
            return None
        branches = [self._alternatives(self._inside(place, one), chain) for one in value]
        if name == "allOf":
            return _all_of(branches)
        if sum(len(branch) for branch in branches) > MAX_ALTERNATIVES:
            return None
        together = [one for branch in branches for one in branch]
        if name == "anyOf" or _are_disjoint(branches):
            return together
        # A value of two branches is refused: by what each of them doesn't say.
        overlapping = unclear("oneOf", canonical(value))
        return [one & overlapping for one in together]

    def _target(self, reference: object) -> Place | None:
        """What a JSON Pointer as a fragment (RFC 6901, section 6) leads to."""
        if not isinstance(reference, str) or not (reference == "#" or reference.startswith("#/")):
            return None
        found = self._written
        for token in unquote(reference).split("/")[1:]:
            name = token.replace("~1", "/").replace("~0", "~")
            if isinstance(found, Mapping) and name in found:
                found = found[name]
            elif isinstance(found, list | tuple) and name.isdecimal() and name.isascii() and int(name) < len(found):
                found = found[int(name)]
            else:
                return None
            if _has_an_address(found):
                return None
        return self._place(found, embedded=False) if isinstance(found, bool | Mapping) else None

    def _plain(self, place: Place, written: Mapping[str, Any], said: dict[str, Any]) -> Schema:
        """What can be reasoned about by itself; it is taken out of `said`."""
        known: dict[str, Any] = {}
        for name, read in _READERS.items():
            if name in said and (value := read(said[name])) is not None:
                del said[name]
                if _RULED_BY.get(name) not in written:
                    known[name] = value
        lows = [known[name] for name in ("minimum", "exclusiveMinimum") if name in known]
        highs = [known[name] for name in ("maximum", "exclusiveMaximum") if name in known]
        listed = [known[name] for name in ("enum", "const") if name in known]
        schema = Schema(
            types=known.get("type", TYPES),
            range=Range(max(lows, default=EVERYWHERE.lowest), min(highs, default=EVERYWHERE.highest)),
            properties={name: self._node(place, inner) for name, inner in known.get("properties", {}).items()},
            required=known.get("required", frozenset()),
            additional=self._node(place, known.get("additionalProperties", True)),
            items=self._node(place, known.get("items", True)),
        ).without_impossible_numbers()
        for values in listed:
            schema &= Schema(enum={canonical(value): value for value in values})
        return schema


def _all_of(groups: Iterable[list[Schema]]) -> list[Schema] | None:
    """The alternatives of what all groups of alternatives demand; None where they are too many."""
    found = [ANYTHING]
    for group in groups:
        if len(found) * len(group) > MAX_ALTERNATIVES:
            return None
        found = [joint for one in found for other in group if (joint := one & other).types]
    return found


def _are_disjoint(branches: list[list[Schema]]) -> bool:
    return all(is_empty(one & other) for mine, theirs in combinations(branches, 2) for one in mine for other in theirs)


def _has_an_address(written: object) -> bool:
    return isinstance(written, Mapping) and any(isinstance(written.get(name), str) for name in ("$id", "id"))


# -------------------------------------------------------------------- readers: None where the value is malformed


def _types(written: object) -> frozenset[str] | None:
    names = [written] if isinstance(written, str) else written
    if not isinstance(names, list | tuple) or not all(isinstance(name, str) for name in names):
        return None
    if set(names) - {*TYPES, "number"} or "fraction" in names:
        return None
    return frozenset(names) - {"number"} | ({"integer", "fraction"} if "number" in names else set())


def _properties(written: object) -> Mapping[str, object] | None:
    return written if isinstance(written, Mapping) else None


def _names(written: object) -> frozenset[str] | None:
    if not isinstance(written, list | tuple) or not all(isinstance(name, str) for name in written):
        return None
    return frozenset(written)


def _values(written: object) -> tuple[Any, ...] | None:
    return tuple(written) if isinstance(written, list | tuple) else None


def _schema(written: object) -> object | None:
    return written if isinstance(written, bool | Mapping) else None


def _bound(step: int) -> Callable[[object], Bound | None]:
    def read(written: object) -> Bound | None:
        is_number = isinstance(written, int | float) and not isinstance(written, bool)
        return Bound(written, step) if is_number else None  # type: ignore[arg-type] # mypy loses what is_number says

    return read


_READERS: Final[Mapping[str, Callable[[object], Any]]] = {
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
