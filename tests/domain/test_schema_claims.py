"""Whatever is claimed of two schemas is held against another implementation of JSON Schema."""

from __future__ import annotations

from itertools import product
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from referencing.exceptions import Unresolvable

from registry_service.domain.schema_gaps import gaps_between

SCALARS: list[Any] = [None, False, True, -2, -1, 0, 1, 2, 3, 0.5, -1.5, 1.0, "", "a", "b"]
FLAT: list[Any] = [
    *SCALARS,
    [],
    *([one] for one in SCALARS),
    {},
    *({name: one} for name in ("a", "b", "c") for one in SCALARS),
]
INSTANCES: list[Any] = [
    *FLAT,
    *([one, other] for one, other in product((None, 1, "a"), repeat=2)),
    *({"a": one, "b": other} for one, other in product((None, True, 1, 0.5, "a", [1], {"a": 1}), repeat=2)),
    *({name: {"a": one}} for name in ("a", "b") for one in (None, 1, "a", {"a": None}, {"a": {"a": 1}})),
    *({name: [one]} for name in ("a", "b") for one in (None, 1, "a", {}, {"a": 1})),
    *([{"a": one}] for one in (None, 1, "a", {"a": None})),
]

SMALL = st.sampled_from([None, False, True, -1, 0, 1, 0.5, "", "a", [], [1], {}, {"a": 1}])
BOUNDS = st.integers(-2, 3) | st.sampled_from([0.5, -1.5])
TYPES = st.sampled_from(["null", "boolean", "object", "array", "string", "integer", "number"])
NAMES = st.sampled_from(["a", "b"])
# In definitions, references stand a step inside the value: the judge doesn't survive those that lead in a circle.
OUTWARD = st.sampled_from(["#/$defs/a", "#/$defs/b", "#/definitions/a", "#/$defs/none"])
INWARD = st.builds(lambda target: {"$ref": target}, OUTWARD | st.just("#"))
LEAVES = (
    st.booleans()
    | st.builds(lambda kind: {"type": kind}, TYPES)
    | st.builds(lambda value: {"const": value}, SMALL)
    | st.builds(lambda one: {"type": "object", "properties": {"a": one}}, INWARD)
    | st.builds(lambda one: {"type": "array", "items": one}, INWARD)
)


def _larger(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    branches = st.lists(inner, min_size=1, max_size=3)
    record = st.fixed_dictionaries(
        {"type": st.just("object"), "properties": st.dictionaries(NAMES, inner, max_size=2)},
        optional={
            "required": st.lists(NAMES, max_size=2),
            "additionalProperties": inner,
            "minProperties": st.just(1),
        },
    )
    anything = st.fixed_dictionaries(
        {},
        optional={
            "type": TYPES | st.lists(TYPES, min_size=1, max_size=3, unique=True),
            "enum": st.lists(SMALL, min_size=1, max_size=3),
            "minimum": BOUNDS,
            "exclusiveMinimum": BOUNDS,
            "maximum": BOUNDS,
            "exclusiveMaximum": BOUNDS,
            "items": inner,
            "properties": st.dictionaries(NAMES, inner, max_size=2),
            "required": st.lists(NAMES, max_size=2),
            "pattern": st.just("^a"),
            "nullable": st.booleans(),
            "not": inner,
            "anyOf": branches,
            "oneOf": branches,
            "allOf": branches,
        },
    )
    joined = st.builds(lambda name, many: {name: many}, st.sampled_from(["anyOf", "oneOf", "anyOf", "allOf"]), branches)
    return record | anything | joined | st.builds(lambda one: {"type": "array", "items": one}, inner)


DEFINED = st.recursive(LEAVES, _larger, max_leaves=6)
DEFINITIONS = st.fixed_dictionaries({"a": DEFINED, "b": DEFINED})
SCHEMAS = st.recursive(LEAVES | st.builds(lambda target: {"$ref": target}, OUTWARD), _larger, max_leaves=6)


@st.composite
def pairs(draw: st.DrawFn) -> tuple[Any, Any]:
    """An old and a new document; often the new one was made from the old one, so that there is something to claim."""
    definitions, old = draw(DEFINITIONS), draw(SCHEMAS)
    other, change = draw(SCHEMAS), draw(st.integers(0, 7))
    new: Any = [
        other,
        {"anyOf": [old, other]},
        {"anyOf": [other, {"type": "null"}, old]},
        {"oneOf": [old, other]},
        {"allOf": [old, other]},
        {"type": "object", "properties": {"a": old}},
        {"$ref": "#/$defs/a", **other} if isinstance(other, dict) else other,
        old,
    ][change]
    if change == 5:
        old = {"type": "object", "properties": {"a": draw(st.just(old) | SCHEMAS)}, "required": draw(st.lists(NAMES))}
    fresh = draw(st.just(definitions) | DEFINITIONS)
    return _document(old, definitions), _document(new, fresh)


def _document(schema: Any, definitions: dict[str, Any]) -> Any:
    where = {"$defs": definitions, "definitions": {"a": definitions["b"]}}
    return {**schema, **where} if isinstance(schema, dict) else {"allOf": [schema], **where}


def accepts(judge: Draft202012Validator, value: Any) -> bool | None:
    """None: a reference leads nowhere, which means nothing."""
    try:
        return bool(judge.is_valid(value))
    except Unresolvable:
        return None


@settings(deadline=None)
@given(pairs())
def test_no_claim_about_two_schemas_is_wrong(pair: tuple[Any, Any]) -> None:
    found = gaps_between(*pair)
    old, new = map(Draft202012Validator, pair)
    for gap in found:
        if gap.certain:
            (witness,) = gap.witness
            # The judge may come to a reference that leads nowhere before it comes to what decides.
            assert accepts(old, witness) is not False, gap
            assert accepts(new, witness) is not True, gap
    if not found:
        for value in INSTANCES:
            assert accepts(old, value) is not True or accepts(new, value) is not False, value
