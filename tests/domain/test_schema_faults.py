from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from registry_service.domain.errors import InvalidMetadata
from registry_service.domain.metadata import MAX_FAULTS, Metadata, Signature, check_metadata
from registry_service.domain.schema_faults import faults_of

META = Draft202012Validator(Draft202012Validator.META_SCHEMA)

KEYWORDS = sorted(
    {
        keyword
        for part in META.META_SCHEMA["allOf"]
        for keyword in META._resolver.lookup(part["$ref"]).contents["properties"]
    }
    | set(META.META_SCHEMA["properties"])
)
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-3, 3)
    | st.sampled_from([1.0, 0.5, -0.5, 1e300])
    | st.sampled_from(["", "a", "string", "number", "#", "#a", "_a-1.b", "-a", "http://x/#", "a/~b"])
)
NAMES = st.sampled_from(["a", "b/c", "~"])


def documents(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from([*KEYWORDS, "nullable"]), inner, max_size=4)
        | st.dictionaries(NAMES, inner, max_size=2)
    )


ANY = st.recursive(LEAVES, documents, max_leaves=12)


def is_dialect(schema: Any) -> bool:
    return isinstance(schema, dict) and isinstance(schema.get("$schema"), str) and schema["$schema"] != ""


@given(ANY)
def test_it_judges_as_the_meta_schema_does(schema: Any) -> None:
    if not is_dialect(schema):
        assert (next(faults_of(schema), None) is None) == META.is_valid(schema)


@pytest.mark.parametrize("keyword", KEYWORDS)
@given(st.data())
def test_it_judges_each_keyword_as_the_meta_schema_does(keyword: str, data: st.DataObject) -> None:
    schema = {keyword: data.draw(ANY)}
    assert is_dialect(schema) or (next(faults_of(schema), None) is None) == META.is_valid(schema)


@pytest.mark.parametrize(
    ("schema", "path"),
    [
        ({"type": "wat"}, "/type"),
        ({"type": ["string", "string"]}, "/type"),
        ({"properties": {"a/b": {"minimum": "1"}}}, "/properties/a~1b/minimum"),
        ({"properties": {"a": {"required": "a"}}}, "/properties/a/required"),
        ({"items": [{"type": "number"}]}, "/items"),
        ({"allOf": [True, {"maxLength": -1}]}, "/allOf/1/maxLength"),
        ({"anyOf": []}, "/anyOf"),
        ({"dependencies": {"a": ["b"], "c": 3}}, "/dependencies/c"),
        ({"properties": 3}, "/properties"),
        ({"uniqueItems": 1}, "/uniqueItems"),
        ({"maxItems": 1.5}, "/maxItems"),
        ({"maxItems": True}, "/maxItems"),
        ({"multipleOf": 0}, "/multipleOf"),
        ({"$id": "a#b"}, "/$id"),
        ({"$anchor": "-"}, "/$anchor"),
        ({"$vocabulary": {"a": 1}}, "/$vocabulary"),
        ({"dependentRequired": {"a": "b"}}, "/dependentRequired"),
        ({"enum": 3}, "/enum"),
        ({"$schema": 3}, "/$schema"),
        ({"$schema": "", "type": "wat"}, "/type"),
        ("text", ""),
    ],
)
def test_a_fault_says_where_it_is(schema: Any, path: str) -> None:
    assert [fault.path for fault in faults_of(schema)] == [path]


@pytest.mark.parametrize(
    "schema",
    [
        True,
        {},
        {"type": ["string", "null"], "pattern": r"\p{L}+", "unknown": 3},
        {"maxItems": 2.0, "$defs": {"a": False}, "dependencies": {"a": ["b"], "c": {"type": "string"}}},
        {"$schema": "http://json-schema.org/draft-04/schema#", "exclusiveMinimum": True, "minimum": 3},
        {"$schema": "https://json-schema.org/draft/2020-12/schema", "contentSchema": {"not": {}}},
    ],
)
def test_what_is_one_has_no_fault(schema: Any) -> None:
    assert list(faults_of(schema)) == []


def test_depth_is_no_limit() -> None:
    schema: Any = {"type": "wat"}
    for _ in range(5_000):
        schema = {"not": schema}
    assert len(list(faults_of(schema))) == 1


def test_a_signature_that_is_no_schema_is_refused_with_the_place() -> None:
    many = {"properties": {str(number): 0 for number in range(30)}}
    with pytest.raises(InvalidMetadata, match=r"signature\.outputs is no JSON Schema") as refused:
        check_metadata(Metadata(signature=Signature(inputs={"type": "object"}, outputs=many)))
    assert refused.value.details["field"] == "signature.outputs"
    assert len(refused.value.details["faults"]) == MAX_FAULTS
    check_metadata(Metadata(signature=Signature(inputs={"type": "object"})))
