from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry_service.domain.entities import Replaceability, SignatureSide
from registry_service.domain.metadata import Signature
from registry_service.domain.schema_reading import read_schema
from registry_service.domain.schema_values import admits
from registry_service.domain.schemas import Effort
from registry_service.domain.signatures import MAX_FINDINGS, compare_signatures

COMPATIBLE, INCOMPATIBLE, UNKNOWN = Replaceability.COMPATIBLE, Replaceability.INCOMPATIBLE, Replaceability.UNKNOWN


def record(required: list[str] | None = None, **properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": required or []}


NUMBER, INTEGER, STRING = {"type": "number"}, {"type": "integer"}, {"type": "string"}
BOOLEAN = {"type": "boolean"}
CLOSED = {"additionalProperties": False}


def tree(leaf: Any, where: str = "$defs") -> dict[str, Any]:
    """A schema that leads back to itself."""
    node = record(["value"], value=leaf, next={"anyOf": [{"type": "null"}, {"$ref": f"#/{where}/node"}]})
    return {where: {"node": node}, "$ref": f"#/{where}/node"}


def doubling(levels: int, leaf: Any) -> dict[str, Any]:
    """Each level names the next one twice."""
    names = [f"level{n}" for n in range(levels)]
    twice = {
        mine: record(a={"$ref": f"#/$defs/{inner}"}, b={"$ref": f"#/$defs/{inner}"}) for mine, inner in pairwise(names)
    }
    return {"$defs": {**twice, names[-1]: leaf}, "$ref": "#/$defs/level0"}


def chained(links: int, leaf: Any, *, inside: bool) -> dict[str, Any]:
    """References that lead to references, at once or each in a property of the one before."""
    steps: list[Any] = [{"$ref": f"#/$defs/{n + 1}"} for n in range(links)]
    definitions = {f"{n}": record(["a"], a=step) if inside else step for n, step in enumerate(steps)}
    return {"$defs": {**definitions, f"{links}": leaf}, "$ref": "#/$defs/0"}


def tagged(word: str, *tags: str, **properties: Any) -> dict[str, Any]:
    """Objects told apart by their `kind`."""
    return {word: [record(["kind"], kind={"const": tag}, **properties) for tag in tags]}


AT_LEAST, AT_MOST = [{"minimum": -n} for n in range(9)], [{"maximum": n} for n in range(9)]
NULL, NULLABLE = {"type": "null"}, {"type": "string", "nullable": True}
BOTTOMLESS = {
    "$defs": {"node": {"oneOf": [record(["next"], next={"$ref": "#/$defs/node"}) for _ in range(2)]}},
    "$ref": "#/$defs/node",
}
POINT = {"$defs": {"point": record(["x"], x=NUMBER)}}
DRAFT_7 = {"$schema": "http://json-schema.org/draft-07/schema#"}

# What the old version accepted, what the new one accepts, whether callers notice, and where (None: in many places).
INPUTS: list[tuple[Any, Any, Replaceability, list[str] | None]] = [
    (NUMBER, NUMBER, COMPATIBLE, []),
    (INTEGER, NUMBER, COMPATIBLE, []),
    (NUMBER, INTEGER, INCOMPATIBLE, [""]),
    (NUMBER, STRING, INCOMPATIBLE, [""]),
    (STRING, {"type": ["string", "null"]}, COMPATIBLE, []),
    ({"type": ["string", "null"]}, STRING, INCOMPATIBLE, [""]),
    (STRING, {"title": "a name", "description": "of somebody"}, COMPATIBLE, []),
    ({}, STRING, INCOMPATIBLE, [""]),
    # ranges
    ({**NUMBER, "minimum": 0}, {**NUMBER, "minimum": -1}, COMPATIBLE, []),
    ({**NUMBER, "minimum": 0}, {**NUMBER, "exclusiveMinimum": 0}, INCOMPATIBLE, [""]),
    ({**NUMBER, "exclusiveMinimum": 0}, {**NUMBER, "minimum": 0}, COMPATIBLE, []),
    ({**NUMBER, "maximum": 10}, {**NUMBER, "maximum": 9.5}, INCOMPATIBLE, [""]),
    ({**INTEGER, "maximum": 9.9}, {**INTEGER, "maximum": 9.5}, COMPATIBLE, []),
    ({**INTEGER, "minimum": 1}, {**NUMBER, "exclusiveMinimum": 0}, COMPATIBLE, []),
    ({**INTEGER, "exclusiveMaximum": 5}, {**INTEGER, "maximum": 4}, COMPATIBLE, []),
    ({**STRING, "maximum": 10}, {**STRING, "maximum": 9}, COMPATIBLE, []),
    ({"minimum": 0.2, "maximum": 0.8, **NUMBER}, {"type": ["integer", "string"]}, INCOMPATIBLE, [""]),
    ({**NUMBER, "exclusiveMinimum": 2**53 - 2, "exclusiveMaximum": 2**53 - 1}, STRING, UNKNOWN, [""]),
    # what admits nothing is admitted by anything
    ({**NUMBER, "minimum": 2, "maximum": 1}, STRING, COMPATIBLE, []),
    ({**INTEGER, "minimum": 0.2, "maximum": 0.8}, STRING, COMPATIBLE, []),
    (record(["a"], a=False), STRING, COMPATIBLE, []),
    ({"properties": {"rows": False}, "type": "object"}, record(rows=STRING), COMPATIBLE, []),
    # values that are listed
    ({"enum": ["a", "b"]}, {"enum": ["a", "b", "c"]}, COMPATIBLE, []),
    ({"enum": ["a", "b"]}, {"enum": ["a"]}, INCOMPATIBLE, [""]),
    ({"enum": ["a", 1], "type": "string"}, {"enum": ["a"]}, COMPATIBLE, []),
    ({"enum": ["a", "b"], "const": "a"}, {"const": "a"}, COMPATIBLE, []),
    ({"enum": [1]}, {"enum": [True]}, INCOMPATIBLE, [""]),
    ({"enum": [1.0]}, {"enum": [1]}, COMPATIBLE, []),
    ({"enum": ["a"]}, STRING, COMPATIBLE, []),
    ({"enum": [{"a": 1}, [2], None]}, {"type": ["object", "array", "null"]}, COMPATIBLE, []),
    ({"enum": [{"a": 1}]}, record(a=STRING), INCOMPATIBLE, [""]),
    ({"enum": [[1, "x"]]}, {"items": NUMBER}, INCOMPATIBLE, [""]),
    ({"enum": [{}]}, record(["a"]), INCOMPATIBLE, [""]),
    ({"enum": ["x" * 200]}, NUMBER, INCOMPATIBLE, [""]),
    (STRING, {"enum": ["a"]}, INCOMPATIBLE, [""]),
    ({"type": "boolean"}, {"enum": [True, False]}, COMPATIBLE, []),
    ({"type": ["boolean", "null"]}, {"enum": [True, None]}, INCOMPATIBLE, [""]),
    (record(["a", "b"], a=BOOLEAN, b=INTEGER), record(["a", "b"], a=BOOLEAN, b=STRING), INCOMPATIBLE, ["/b"]),
    ({**INTEGER, "minimum": 0, "maximum": 2}, {"enum": [0, 1, 2]}, COMPATIBLE, []),
    ({**INTEGER, "minimum": 0, "maximum": 900}, {"enum": [0, 1, 2]}, INCOMPATIBLE, [""]),
    ({**NUMBER, "minimum": 0.5, "maximum": 0.5}, {"enum": [0.5]}, COMPATIBLE, []),
    ({**NUMBER, "minimum": 1e300, "maximum": 1e300}, {"enum": [1e300]}, COMPATIBLE, []),
    ({**NUMBER, "minimum": 0, "maximum": 1}, {"enum": [0, 1]}, INCOMPATIBLE, [""]),
    ({"type": "object"}, {"enum": [{}]}, UNKNOWN, [""]),
    # objects
    (record(["a"], a=NUMBER), record(a=NUMBER), COMPATIBLE, []),
    (record(a=NUMBER), record(["a"], a=NUMBER), INCOMPATIBLE, ["/a"]),
    (record(["a"], a=NUMBER), record(["a", "b/c~"], a=NUMBER), INCOMPATIBLE, ["/b~1c~0"]),
    (record(a=NUMBER), record(a=STRING), INCOMPATIBLE, ["/a"]),
    (record(a=record(b=NUMBER)), record(a=record(b=INTEGER)), INCOMPATIBLE, ["/a/b"]),
    (record(a=NUMBER) | CLOSED, record(a=NUMBER, b=STRING), COMPATIBLE, []),
    (record(a=NUMBER), record(a=NUMBER, b=STRING), INCOMPATIBLE, ["/b"]),
    (record(a=NUMBER), record(a=NUMBER) | CLOSED, INCOMPATIBLE, ["/*"]),
    (record(a=NUMBER, b=STRING) | CLOSED, record(a=NUMBER) | CLOSED, INCOMPATIBLE, ["/b"]),
    (record() | {"additionalProperties": INTEGER}, record() | {"additionalProperties": NUMBER}, COMPATIBLE, []),
    # arrays
    ({"type": "array", "items": INTEGER}, {"type": "array", "items": NUMBER}, COMPATIBLE, []),
    ({"type": "array", "items": record(a=NUMBER)}, {"items": record(a=STRING)}, INCOMPATIBLE, ["/[]/a"]),
    ({"type": "array", "items": False}, {"type": "array", "items": STRING}, COMPATIBLE, []),
    (record(["a"], a=NULL, b=STRING), record(b=NUMBER), INCOMPATIBLE, ["/b"]),
    # what isn't looked into
    (STRING, {**STRING, "pattern": "^a"}, UNKNOWN, [""]),
    ({**STRING, "pattern": "^a"}, STRING, COMPATIBLE, []),
    ({**STRING, "pattern": "^a"}, {**STRING, "pattern": "^a", "title": "x"}, COMPATIBLE, []),
    ({**STRING, "pattern": "^a"}, {**STRING, "pattern": "^b"}, UNKNOWN, [""]),
    ({"$ref": "#/$defs/a", "title": "x"}, {"$ref": "#/$defs/a"}, UNKNOWN, [""]),
    ({"not": STRING}, NUMBER, UNKNOWN, [""]),
    (record(a=STRING) | {"not": record(["a"])}, record(a=NUMBER), UNKNOWN, ["/a"]),
    ({"enum": ["a"], "pattern": "b"}, NUMBER, UNKNOWN, [""]),
    ({"enum": [{"x": 1}], "properties": {"x": {"multipleOf": 2}}}, STRING, UNKNOWN, [""]),
    ({"enum": ["a"]}, {"pattern": "a"}, UNKNOWN, ["", ""]),
    (record(["a"], a=STRING), record(["a"], a=NUMBER) | {"anyOf": [{}]}, INCOMPATIBLE, ["/a"]),
    # words that say what others mean
    (record() | CLOSED | {"patternProperties": {"^x": {}}}, record() | CLOSED, UNKNOWN, ["/*"]),
    (record(x1=STRING), record() | CLOSED | {"patternProperties": {"^x": {}}}, UNKNOWN, [""]),
    ({"items": False, "prefixItems": [{}]}, {"items": False}, UNKNOWN, ["/[]"]),
    (record(a={"not": STRING}), record(["a"], a={"not": STRING}), INCOMPATIBLE, ["/a"]),
    (record(a={"not": [1, STRING]}), record(a={"not": [1, STRING]}, b={}), COMPATIBLE, []),
    (record(a={"not": [1]}), record(a={"not": [True]}), UNKNOWN, ["/a"]),
    (record(a={"not": [1]}), record(a={"not": [1, 1]}), UNKNOWN, ["/a"]),
    (record(a={"not": STRING}), record(a={"not": STRING}) | DRAFT_7, UNKNOWN, ["/a"]),
    (record(a={"not": {"$ref": "#/x"}}), record(a={"not": {"$ref": "#/x"}}, b={}), UNKNOWN, ["/a"]),
    (record(["b"], a=STRING, b={"not": {}}), record(a=NUMBER), UNKNOWN, ["/a"]),
    # references
    (POINT | {"$ref": "#/$defs/point"}, record(["x"], x=NUMBER), COMPATIBLE, []),
    (record(["x"], x=NUMBER), POINT | {"$ref": "#/$defs/point"}, COMPATIBLE, []),
    (NUMBER, {"definitions": {"a/b~%": STRING}, "$ref": "#/definitions/a~1b~0%25"}, INCOMPATIBLE, [""]),
    (POINT | {"$ref": "#/$defs/point"}, POINT | record(a={"$ref": "#/$defs/point"}), INCOMPATIBLE, None),
    (STRING, {"$defs": {"any": [{}, STRING]}, "$ref": "#/$defs/any/1"}, COMPATIBLE, []),
    (STRING, {"$defs": {"any": [{}]}, "$ref": "#/$defs/any/1"}, UNKNOWN, [""]),
    (STRING, {"$defs": {"any": [{}]}, "$ref": "#/$defs/any/x"}, UNKNOWN, [""]),
    (STRING, {"$defs": {"any": "x"}, "$ref": "#/$defs/any"}, UNKNOWN, [""]),
    (STRING, {"$ref": "https://example.com/schema"}, UNKNOWN, [""]),
    (STRING, {"$defs": {"a": STRING | {"$anchor": "here"}}, "$ref": "#here"}, UNKNOWN, [""]),
    (STRING, {"$dynamicRef": "#/$defs/a", "$defs": {"a": STRING}}, UNKNOWN, [""]),
    (STRING, {"$ref": 7}, UNKNOWN, [""]),
    (STRING, {"$ref": "#"}, UNKNOWN, [""]),
    (STRING, {"$defs": {"a": {"$id": "https://example.com/a", **STRING}}, "$ref": "#/$defs/a"}, UNKNOWN, [""]),
    (
        record(a=STRING),
        {"$defs": {"b": STRING}} | record(a={"$id": "https://example.com/a", "anyOf": [{"$ref": "#/$defs/b"}]}),
        UNKNOWN,
        ["/a"],
    ),
    # what stands beside a reference holds as well, except in the dialects that ignore it
    (NUMBER, {"$defs": {"n": NUMBER}, "$ref": "#/$defs/n", "minimum": 0}, INCOMPATIBLE, [""]),
    ({"$defs": {"n": NUMBER}, "$ref": "#/$defs/n", "minimum": 0}, {**NUMBER, "minimum": -1}, COMPATIBLE, []),
    (DRAFT_7 | {"$defs": {"n": NUMBER}, "$ref": "#/$defs/n", "minimum": 0}, {"minimum": -1}, UNKNOWN, [""]),
    (NUMBER, DRAFT_7 | {"$defs": {"n": NUMBER}, "$ref": "#/$defs/n", "title": "a number"}, COMPATIBLE, []),
    # schemas that lead back to themselves
    (tree(NUMBER), tree(NUMBER, "definitions"), COMPATIBLE, []),
    (tree(INTEGER), tree(NUMBER), COMPATIBLE, []),
    (tree(NUMBER), tree(INTEGER), INCOMPATIBLE, ["/next/value", "/value"]),
    (record(["a"]) | {"properties": {"a": {"$ref": "#"}}}, STRING, UNKNOWN, [""]),
    (BOTTOMLESS, STRING, UNKNOWN, None),
    (doubling(30, INTEGER), doubling(30, NUMBER), UNKNOWN, None),
    (doubling(12, INTEGER), doubling(12, NUMBER), COMPATIBLE, []),
    (chained(20, INTEGER, inside=False), NUMBER, COMPATIBLE, []),
    (chained(40, INTEGER, inside=False), NUMBER, UNKNOWN, [""]),
    (chained(9, INTEGER, inside=True), chained(9, NUMBER, inside=True), COMPATIBLE, []),
    (chained(60, INTEGER, inside=True), chained(60, NUMBER, inside=True), UNKNOWN, None),
    # one of several
    (STRING, {"anyOf": [STRING, NULL]}, COMPATIBLE, []),
    ({"anyOf": [STRING, NULL]}, {"type": ["string", "null"]}, COMPATIBLE, []),
    ({"type": ["string", "null"]}, {"anyOf": [NULL, STRING]}, COMPATIBLE, []),
    ({"type": ["string", "null"]}, {"oneOf": [NULL, STRING]}, COMPATIBLE, []),
    ({"anyOf": [STRING, NULL]}, STRING, INCOMPATIBLE, [""]),
    ({"anyOf": [STRING, NULL]}, {"anyOf": [NUMBER, NULL]}, INCOMPATIBLE, [""]),
    ({"enum": ["a", None]}, {"anyOf": [{"enum": ["a", "b"]}, NULL]}, COMPATIBLE, []),
    ({"enum": ["a", None]}, {"anyOf": [{"enum": ["a", "b"]}, NUMBER]}, INCOMPATIBLE, [""]),
    ({"type": "boolean"}, {"anyOf": [{"const": True}, {"const": False}]}, COMPATIBLE, []),
    (NUMBER, {"anyOf": [INTEGER, NUMBER]}, COMPATIBLE, []),
    (NUMBER, {"anyOf": [STRING, {}]}, COMPATIBLE, []),
    (INTEGER, {"anyOf": [{**INTEGER, "minimum": 5}, {**INTEGER, "maximum": 2}]}, INCOMPATIBLE, [""]),
    (INTEGER, {"anyOf": [{**INTEGER, "minimum": 1}, {**INTEGER, "maximum": 2}]}, UNKNOWN, [""]),
    (record(["a"], a=STRING), {"anyOf": [record(a=NUMBER), record(["a"], a=STRING)]}, COMPATIBLE, []),
    (record(a=STRING), {"anyOf": [record(a=NUMBER), NULL]}, INCOMPATIBLE, ["/a"]),
    (tagged("anyOf", "a", "b"), tagged("anyOf", "a", "b", "c"), COMPATIBLE, []),
    (tagged("anyOf", "a", "b"), tagged("anyOf", "a", "c"), INCOMPATIBLE, ["/kind"]),
    (tagged("anyOf", "a", "b", n=INTEGER), tagged("anyOf", "a", "b", n=NUMBER), COMPATIBLE, []),
    ({"anyOf": []}, STRING, UNKNOWN, [""]),
    ({"anyOf": [False]}, STRING, COMPATIBLE, []),
    (STRING, {"anyOf": [False]}, INCOMPATIBLE, [""]),
    (INTEGER, {"anyOf": [{"const": n} for n in range(99)]}, UNKNOWN, [""]),
    # exactly one of several: as one of several where they have nothing in common
    (tagged("oneOf", "a", "b"), tagged("oneOf", "a", "b", "c"), COMPATIBLE, []),
    (tagged("anyOf", "a", "b"), tagged("oneOf", "a", "b"), COMPATIBLE, []),
    (tagged("oneOf", "a", "b"), tagged("oneOf", "a"), INCOMPATIBLE, ["/kind"]),
    (INTEGER, {"oneOf": [INTEGER, NUMBER]}, UNKNOWN, [""]),
    ({"oneOf": [INTEGER, NUMBER]}, NUMBER, COMPATIBLE, []),
    ({"oneOf": [INTEGER, NUMBER]}, {"type": "string"}, UNKNOWN, None),
    (NUMBER, {"oneOf": [{**NUMBER, "minimum": 0}, {**NUMBER, "exclusiveMaximum": 0}]}, UNKNOWN, None),
    # all of several
    (NUMBER, {"allOf": [NUMBER, {"minimum": 0}]}, INCOMPATIBLE, [""]),
    ({"allOf": [record(["a"], a=NUMBER), record(b=STRING)]}, record(["a"], a=NUMBER, b=STRING), COMPATIBLE, []),
    (record(["a"], a=NUMBER), {"allOf": [record(["a"]), record(["b"])]}, INCOMPATIBLE, ["/b"]),
    ({"allOf": [{"enum": ["a", "b"]}, {"enum": ["b", "c"]}]}, {"const": "b"}, COMPATIBLE, []),
    ({"allOf": [STRING, NUMBER]}, NULL, COMPATIBLE, []),
    ({"allOf": [{"anyOf": AT_LEAST}, {"anyOf": AT_MOST}]}, STRING, UNKNOWN, None),
    ({"anyOf": AT_LEAST, "allOf": [{"anyOf": AT_MOST}]}, STRING, UNKNOWN, None),
    (
        {"type": "array", "items": {"anyOf": AT_LEAST}, "allOf": [{"items": {"anyOf": AT_MOST}}]},
        {"items": STRING},
        UNKNOWN,
        ["/[]"],
    ),
    # null, as OpenAPI 3.0 says it: to JSON Schema it says nothing
    (STRING, NULLABLE, COMPATIBLE, []),
    (NULLABLE, {"type": ["string", "null"]}, COMPATIBLE, []),
    (NULLABLE, {**NULLABLE, "title": "a name"}, COMPATIBLE, []),
    (NULLABLE, STRING, UNKNOWN, [""]),
    ({"type": ["string", "null"]}, NULLABLE, UNKNOWN, [""]),
    (NULLABLE, NUMBER, INCOMPATIBLE, [""]),
    (STRING, {**STRING, "nullable": False}, COMPATIBLE, []),
    (STRING, {**STRING, "nullable": "yes"}, UNKNOWN, [""]),
    # what is malformed is no reason to fail
    (7, STRING, UNKNOWN, [""]),
    (STRING, {"type": "text"}, UNKNOWN, [""]),
    (STRING, {"type": 7}, UNKNOWN, [""]),
    (STRING, {"type": "fraction"}, UNKNOWN, [""]),
    (NUMBER, {"minimum": "0", "maximum": True}, UNKNOWN, [""]),
    (record(), {"properties": [], "required": "a", "additionalProperties": 3, "items": []}, UNKNOWN, [""]),
    (record(), {"required": [1]}, UNKNOWN, [""]),
    (STRING, {"enum": "a"}, UNKNOWN, [""]),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "verdict", "paths"), INPUTS)
def test_inputs_must_accept_all_that_they_accepted(
    old: Any, new: Any, verdict: Replaceability, paths: list[str] | None
) -> None:
    outputs = {"type": "null"}
    found = compare_signatures(Signature(inputs=new, outputs=outputs), Signature(inputs=old, outputs=outputs))
    assert found.verdict is verdict, found
    assert paths is None or [finding.path for finding in found.findings] == paths, found
    assert all(finding.side is SignatureSide.INPUTS and finding.message for finding in found.findings)


@pytest.mark.parametrize(("new", "old", "verdict", "paths"), INPUTS)
def test_outputs_must_give_nothing_that_they_did_not_give(
    old: Any, new: Any, verdict: Replaceability, paths: list[str] | None
) -> None:
    inputs = {"type": "null"}
    found = compare_signatures(Signature(inputs=inputs, outputs=new), Signature(inputs=inputs, outputs=old))
    assert found.verdict is verdict, found
    assert paths is None or [finding.path for finding in found.findings] == paths
    assert all(finding.side is SignatureSide.OUTPUTS for finding in found.findings)


def test_the_messages_say_what_callers_would_notice() -> None:
    old = Signature(inputs=record(a=NUMBER), outputs=record(["p"], p={**NUMBER, "minimum": 0, "maximum": 1}))
    new = Signature(inputs=record(["a"], a={**INTEGER, "maximum": 9}), outputs=record(p={"type": ["number", "null"]}))
    found = compare_signatures(new, old)
    assert [(finding.path, finding.message) for finding in found.findings] == [
        ("/a", "an object without it was accepted before, and is not any more"),
        ("/a", "a number that is no integer was accepted before, and is not any more"),
        ("/a", "a number above 9 was accepted before, and is not any more"),
        ("/p", "an object without it was never given before, and may be now"),
        ("/p", "null was never given before, and may be now"),
        ("/p", "a number below 0 was never given before, and may be now"),
        ("/p", "a number above 1 was never given before, and may be now"),
    ]


@pytest.mark.parametrize(
    ("new", "old", "message"),
    [
        (None, None, "neither version says what its inputs are"),
        (None, Signature(inputs={}, outputs={}), "the new one says not what its inputs are"),
        (Signature(outputs={}), Signature(inputs={}, outputs={}), "the new one says not what its inputs are"),
        (Signature(inputs={}, outputs={}), None, "the old one says not what its inputs are"),
    ],
)
def test_without_a_signature_it_cannot_be_told(new: Signature | None, old: Signature | None, message: str) -> None:
    found = compare_signatures(new, old)
    assert found.verdict is UNKNOWN
    assert found.findings[0].message == message


def test_what_is_certain_counts_before_what_cannot_be_told() -> None:
    old = Signature(inputs=record(None, **{f"a{n}": STRING for n in range(300)}, z=STRING), outputs={})
    new = Signature(inputs=record(None, **{f"a{n}": {"pattern": "b"} for n in range(300)}, z=NUMBER), outputs={})
    found = compare_signatures(new, old)
    assert (found.verdict, [finding.path for finding in found.findings]) == (INCOMPATIBLE, ["/z"])
    new = Signature(inputs=record(None, **{f"a{n}": NUMBER for n in range(300)}), outputs={})
    assert len(compare_signatures(new, old).findings) == MAX_FINDINGS


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from([0.5, -1.5]) | st.sampled_from(["", "a", "b"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["a", "b", "c"]), inner, max_size=2),
    max_leaves=4,
)
BOUNDS = st.integers(-3, 3) | st.sampled_from([0.5, -1.5])
NAMES = st.sampled_from(["null", "boolean", "object", "array", "string", "integer", "number"])
SCHEMAS = st.recursive(
    st.booleans() | st.fixed_dictionaries({}, optional={"type": NAMES, "enum": st.lists(VALUES, max_size=3)}),
    lambda inner: st.fixed_dictionaries(
        {},
        optional={
            "type": NAMES | st.lists(NAMES, min_size=1, max_size=3),
            "enum": st.lists(VALUES, max_size=3),
            "const": VALUES,
            "minimum": BOUNDS,
            "exclusiveMinimum": BOUNDS,
            "maximum": BOUNDS,
            "exclusiveMaximum": BOUNDS,
            "properties": st.dictionaries(st.sampled_from(["a", "b"]), inner, max_size=2),
            "required": st.lists(st.sampled_from(["a", "b"]), max_size=2),
            "additionalProperties": inner,
            "items": inner,
            "pattern": st.just("^a"),
        },
    ),
    max_leaves=6,
)


@given(SCHEMAS, SCHEMAS, st.lists(VALUES, min_size=1, max_size=30))
def test_whatever_was_accepted_is_accepted_by_what_is_called_compatible(old: Any, new: Any, values: list[Any]) -> None:
    found = compare_signatures(Signature(inputs=new, outputs={}), Signature(inputs=old, outputs={}))
    if found.verdict is COMPATIBLE:
        for value in values:
            assert admits(read_schema(old), value) is not True or admits(read_schema(new), value) is not False


def test_with_no_effort_left_nothing_can_be_told() -> None:
    assert admits(read_schema(STRING), 1) is False
    assert admits(read_schema(STRING, Effort(0)), 1) is None
    assert admits(read_schema(STRING, Effort(1)), 1) is None
