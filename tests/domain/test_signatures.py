from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry_service.domain.entities import Replaceability, SignatureSide
from registry_service.domain.metadata import Signature
from registry_service.domain.schemas import admits, every_value, read_schema
from registry_service.domain.signatures import MAX_FINDINGS, compare_signatures

COMPATIBLE, INCOMPATIBLE, UNKNOWN = Replaceability.COMPATIBLE, Replaceability.INCOMPATIBLE, Replaceability.UNKNOWN


def record(required: list[str] | None = None, **properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": required or []}


NUMBER, INTEGER, STRING = {"type": "number"}, {"type": "integer"}, {"type": "string"}
CLOSED = {"additionalProperties": False}

# What the old version accepted, what the new one accepts, whether callers notice, and where.
INPUTS: list[tuple[Any, Any, Replaceability, list[str]]] = [
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
    old: Any, new: Any, verdict: Replaceability, paths: list[str]
) -> None:
    outputs = {"type": "null"}
    found = compare_signatures(Signature(inputs=new, outputs=outputs), Signature(inputs=old, outputs=outputs))
    assert (found.verdict, [finding.path for finding in found.findings]) == (verdict, paths), found
    assert all(finding.side is SignatureSide.INPUTS and finding.message for finding in found.findings)


@pytest.mark.parametrize(("new", "old", "verdict", "paths"), INPUTS)
def test_outputs_must_give_nothing_that_they_did_not_give(
    old: Any, new: Any, verdict: Replaceability, paths: list[str]
) -> None:
    inputs = {"type": "null"}
    found = compare_signatures(Signature(inputs=inputs, outputs=new), Signature(inputs=inputs, outputs=old))
    assert (found.verdict, [finding.path for finding in found.findings]) == (verdict, paths)
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


def test_every_value_is_listed_where_they_are_few() -> None:
    listed = every_value(read_schema({"type": ["null", "boolean", "integer"], "minimum": 0, "maximum": 1}), at_most=9)
    assert listed == [(None, True), (False, True), (True, True), (0, True), (1, True)]
    assert every_value(read_schema(STRING), at_most=9) is None
    assert every_value(read_schema(INTEGER), at_most=9) is None
