"""Whether one JSON Schema, the wide one, admits every value that another, the narrow one, admits.

It is answered for `type`, `enum`, `const`, `properties`, `required`, `additionalProperties`, `items`, `minimum`,
`maximum` and their exclusive kin, through `$ref` within the document, `anyOf`, `oneOf` and `allOf`. Anything else is
not guessed at:

- a keyword of the wide schema that isn't known may refuse anything, unless the narrow one says the very same;
- a keyword of the narrow one can only take values away: what is admitted without it stays admitted.

That there is no gap is proved: each alternative of the narrow schema, type by type, is admitted by one of the wide
one. A pair of schemas that leads back to itself is taken to hold there: each way back goes a step into a value, and
values end (R. Amadio and L. Cardelli, "Subtyping recursive types", 1993). That there is one is shown: by a value that
the narrow schema certainly admits and the wide one certainly refuses. Without either, it can't be told.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, NamedTuple

from registry_service.domain.canonical import canonical
from registry_service.domain.schema_reading import MAX_EFFORT, read_schema
from registry_service.domain.schema_values import (
    Found,
    admits,
    admits_one,
    every_value,
    example_object,
    example_of,
    is_empty,
    numbers_of,
    possible,
)
from registry_service.domain.schemas import ANYTHING, NOTHING, Bound, Effort, Node, Range, Schema

MAX_SHOWN: Final = 80
MAX_WITNESSED: Final = 100
MAX_LISTED: Final = 100
# With what examples demand, values stay as shallow as canonical JSON may be.
MAX_DEPTH: Final = 20

# References mean what stands elsewhere in each document; those beside others mean something with these only.
_ALONE: Final = frozenset(
    {
        "pattern", "format", "minLength", "maxLength", "multipleOf", "minItems", "maxItems", "uniqueItems",
        "minProperties", "maxProperties", "nullable",
    }
)  # fmt: skip
_REFERENCES: Final = frozenset({"$ref", "$dynamicRef", "$recursiveRef"})


class Gap(NamedTuple):
    """What the narrow schema may admit and the wide one may not. `certain`: `witness` is such a value; else `what` is
    a whole sentence that says what can't be told. `ruled_out_by`: keywords of the narrow schema that may forbid it."""

    path: str
    what: str
    witness: Found = ()
    certain: bool = False
    blind: bool = False
    ruled_out_by: frozenset[str] = frozenset()


def gaps_between(narrow: object, wide: object) -> list[Gap]:
    """Nothing: the wide schema admits whatever the narrow one admits."""

    effort = Effort(MAX_EFFORT)
    mine, theirs = read_schema(narrow, effort), read_schema(wide, effort)
    found = _Comparison(effort).of(mine, theirs, "", 0)
    effort.steps = MAX_EFFORT
    judged, certain = dict[tuple[str, str], Gap](), 0
    for gap in found:
        if certain < MAX_WITNESSED and not judged.get((gap.path, gap.what), gap).certain:
            judged[gap.path, gap.what] = one = _judged(gap, mine, theirs)
            certain += one.certain
    return list(judged.values())


def _judged(gap: Gap, narrow: Node, wide: Node) -> Gap:
    """The one place where a gap becomes certain."""
    if gap.witness and admits(narrow, gap.witness[0]) is True and admits(wide, gap.witness[0]) is False:
        return gap._replace(certain=True)
    if gap.blind:
        return gap
    by = f" by {', '.join(sorted(gap.ruled_out_by))}" if gap.ruled_out_by else ""
    return gap._replace(what=f"can't tell whether {gap.what} was ruled out{by} anyway", witness=())


class _Comparison:
    def __init__(self, effort: Effort) -> None:
        self._effort = effort
        # Pairs without a gap, as far as has been seen: in the order in which they were taken to hold.
        self._held: dict[tuple[Node, Node], None] = {}

    def of(self, narrow: Node, wide: Node, path: str, depth: int) -> list[Gap]:
        if (narrow, wide) in self._held:
            return []
        if depth > MAX_DEPTH or not self._effort.spend():
            # Nor would anything else that leads here be any nearer to its end.
            self._effort.steps = 0
            return [_blind(path, "can't tell: the schemas are too large to be followed so far")]
        mark = len(self._held)
        self._held[narrow, wide] = None
        found = [gap for one in narrow.alternatives for gap in self._alternative(one, wide.alternatives, path, depth)]
        if found and _are_written_alike(narrow, wide):
            found = []
        if found:
            self._give_up(mark)
        return found

    def _give_up(self, mark: int) -> None:
        while len(self._held) > mark:
            self._held.popitem()

    def _alternative(self, narrow: Schema, wide: Sequence[Schema], path: str, depth: int) -> Iterator[Gap]:
        narrow = possible(narrow)
        if is_empty(narrow) or ANYTHING in wide:
            return
        said = frozenset((name, written) for name, written in narrow.others if name in _ALONE)
        wide = [replace(one, others=one.others - said) for one in wide if one.types] or [NOTHING]
        if len(wide) == 1:
            found = self._one(narrow, wide[0], path, depth)
        else:
            found = [gap for piece in _pieces(narrow) for gap in self._piece(piece, wide, path, depth)]
        for gap in found:
            yield gap._replace(ruled_out_by=gap.ruled_out_by | narrow.blind_to)

    def _piece(self, narrow: Schema, wide: Sequence[Schema], path: str, depth: int) -> list[Gap]:
        """Of one type, or of listed values: among several alternatives, one must admit it all."""
        listed = every_value(narrow, at_most=MAX_LISTED)
        if listed is not None:
            return self._refused(listed, wide, path)
        tried = list[list[Gap]]()
        for one in wide:
            if narrow.types & one.types:
                mark = len(self._held)
                found = self._one(narrow, one, path, depth)
                if not found:
                    return []
                self._give_up(mark)
                tried.append(found)
        if not tried:
            return [Gap(path, _names(narrow.types, narrow), example_of(narrow, narrow.types))]
        if len(tried) == 1:
            return tried[0]
        for gap in (gap for found in tried for gap in found if gap.witness):
            if admits_one(narrow, gap.witness[0]) and _all_refuse(wide, gap.witness[0]):
                return [gap]
        what = _names(narrow.types, narrow)
        return [_blind(path, f"can't tell whether each {what} is admitted by one of {len(tried)} alternatives")]

    def _one(self, narrow: Schema, wide: Schema, path: str, depth: int) -> list[Gap]:
        found = list[Gap]()
        if wide.others:
            found.append(_blind(path, f"can't tell what {', '.join(sorted(wide.blind_to))} refuses"))
        return found + self._in_what_is_known(narrow, wide, path, depth)

    def _in_what_is_known(self, narrow: Schema, wide: Schema, path: str, depth: int) -> list[Gap]:
        listed = every_value(narrow, at_most=MAX_LISTED if wide.enum is None else len(wide.enum) + MAX_LISTED)
        if listed is not None:
            return self._refused(listed, [wide], path)
        if wide.enum is not None:
            if narrow.types & {"string", "integer", "fraction"}:
                return [Gap(path, f"a value other than the {len(wide.enum)} listed", _unlisted(narrow, wide.enum))]
            return [_blind(path, "can't tell whether every value is listed")]
        found = list[Gap]()
        extra = narrow.types - wide.types
        if extra:
            found.append(Gap(path, _names(extra, narrow), example_of(narrow, extra)))
        both = narrow.types & wide.types
        found += _numbers(narrow, wide, path, both & {"integer", "fraction"})
        if "object" in both:
            found += self._objects(narrow, wide, path, depth)
        if "array" in both:
            inner = self.of(narrow.items, wide.items, f"{path}/[]", depth + 1)
            found += [gap._replace(witness=([gap.witness[0]],) if gap.witness else ()) for gap in inner]
        return found

    def _refused(self, values: list[Any], wide: Sequence[Schema], path: str) -> list[Gap]:
        found = list[Gap]()
        for value in values:
            written = canonical(value).decode()
            shown = written if len(written) <= MAX_SHOWN else f"{written[:MAX_SHOWN]}…"
            can_go_on = self._effort.spend(len(wide) * (1 + len(written) // MAX_SHOWN))
            if can_go_on and any(admits_one(one, value) for one in wide):
                continue
            if can_go_on and _all_refuse(wide, value):
                found.append(Gap(path, shown, (value,)))
            else:
                found.append(_blind(path, f"can't tell whether {shown} is admitted"))
        return found

    def _objects(self, narrow: Schema, wide: Schema, path: str, depth: int) -> list[Gap]:
        least = example_object(narrow)
        found = [
            Gap(
                _below(path, name),
                "an object without it",
                tuple({key: value for key, value in one.items() if key != name} for one in least),
            )
            for name in sorted(wide.required - narrow.required)
        ]
        for name in sorted(narrow.properties.keys() | wide.properties.keys()):
            inner = self.of(narrow.at(name), wide.at(name), _below(path, name), depth + 1)
            found += _lifted(inner, name, least)
        inner = self.of(narrow.additional, wide.additional, f"{path}/*", depth + 1)
        return found + _lifted(inner, _unnamed(narrow, wide), least)


def _lifted(gaps: list[Gap], name: str, least: Found) -> list[Gap]:
    """Their witnesses as properties of an object."""
    return [
        gap._replace(witness=({**least[0], name: gap.witness[0]},) if gap.witness and least else ()) for gap in gaps
    ]


def _unnamed(narrow: Schema, wide: Schema) -> str:
    named = narrow.properties.keys() | wide.properties.keys() | narrow.required
    return next(name for number in range(len(named) + 1) if (name := f"other{number}") not in named)


def _blind(path: str, what: str) -> Gap:
    return Gap(path, what, blind=True)


def _all_refuse(wide: Sequence[Schema], value: object) -> bool:
    return all(admits_one(one, value) is False for one in wide)


def _pieces(schema: Schema) -> list[Schema]:
    if schema.enum is not None:
        return [schema]
    return [replace(schema, types=frozenset({kind})) for kind in sorted(schema.types)]


def _unlisted(narrow: Schema, listed: Mapping[bytes, Any]) -> Found:
    if "string" in narrow.types:
        return next((text,) for number in range(len(listed) + 1) if canonical(text := f"{number}") not in listed)
    return next(((one,) for one in numbers_of(narrow.range, narrow.types) if canonical(one) not in listed), ())


def _names(types: frozenset[str], narrow: Schema) -> str:
    if types == {"fraction"} and "integer" in narrow.types:
        return "a number that is no integer"
    return " or ".join(sorted({"number" if kind == "fraction" else kind for kind in types} - _covered(types)))


def _covered(types: frozenset[str]) -> set[str]:
    return {"integer"} if "fraction" in types else set()


def _numbers(narrow: Schema, wide: Schema, path: str, both: frozenset[str]) -> Iterator[Gap]:
    if not both:
        return
    mine, theirs = (one.numbers(whole="fraction" not in both) for one in (narrow, wide))
    if mine.lowest < theirs.lowest:
        below = Range(narrow.range.lowest, min(narrow.range.highest, Bound(*wide.range.lowest)))
        yield Gap(path, f"a number below {theirs.lowest.written}", _first(below, both))
    if mine.highest > theirs.highest:
        above = Range(max(narrow.range.lowest, Bound(*wide.range.highest)), narrow.range.highest)
        yield Gap(path, f"a number above {theirs.highest.written}", _first(above, both))


def _first(span: Range, types: frozenset[str]) -> Found:
    return next(((number,) for number in numbers_of(span, types)), ())


def _below(path: str, name: str) -> str:
    """As a JSON Pointer names it (RFC 6901)."""
    escaped = name.replace("~", "~0").replace("/", "~1")
    return f"{path}/{escaped}"


def _are_written_alike(narrow: Node, wide: Node) -> bool:
    """Also by words that aren't known; without references, they mean the same wherever they stand."""
    if not (narrow.document and wide.document and len(narrow.places) == len(wide.places) == 1):
        return False
    if narrow.document.dialect != wide.document.dialect:
        return False
    (mine,), (theirs,) = narrow.places, wide.places
    return _alike(mine.written, theirs.written)


def _alike(mine: object, theirs: object) -> bool:
    if isinstance(mine, Mapping) and isinstance(theirs, Mapping):
        if mine.keys() != theirs.keys() or mine.keys() & _REFERENCES:
            return False
        return all(_alike(value, theirs[name]) for name, value in mine.items())
    if isinstance(mine, list | tuple) and isinstance(theirs, list | tuple):
        return len(mine) == len(theirs) and all(map(_alike, mine, theirs))
    # To Python, True is 1.
    return mine == theirs and isinstance(mine, bool) == isinstance(theirs, bool)
