from __future__ import annotations

import contextlib
import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry_service.domain.manifest import content_digest
from registry_service.domain.metadata import FieldType, Metadata, MetadataField, Signature
from registry_service.domain.policies import BUILT_IN, PolicyDocument
from registry_service.domain.requests import AttachPolicy, RegisterVersion, UpdateModel, WritePolicy
from registry_service.domain.strictness import (
    UNDECODABLE,
    RepeatedName,
    convert_strictly,
    decode_strictly,
    strict,
)

MISSPELT = b'{"document": {"name": "team", "rules": [{"name": "one", "role": "approver", "cuont": 2}]}}'
METADATA = Metadata(metrics={"auc": 0.9}, signature=Signature(inputs={}), labels=("a",), extra={"b": 1})


def test_an_unknown_field_is_refused_at_every_level() -> None:
    assert msgspec.json.decode(MISSPELT, type=WritePolicy).document.rules[0].count == 1
    with pytest.raises(msgspec.ValidationError, match=r"unknown field `cuont` - at `\$\.document\.rules\[0\]`"):
        decode_strictly(MISSPELT, WritePolicy)
    with pytest.raises(msgspec.ValidationError, match="unknown field `keey`"):
        convert_strictly([{"keey": "a", "key": "a", "type": "string"}], list[MetadataField])


@pytest.mark.parametrize(
    "value",
    [
        *BUILT_IN,
        METADATA,
        RegisterVersion(files=[], metadata=METADATA),
        UpdateModel(metadata_fields=[MetadataField(key="a", type=FieldType.STRING)]),
        AttachPolicy(policy="team", model_pattern="*"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_is_read_is_the_value_that_was_written(value: msgspec.Struct) -> None:
    assert decode_strictly(msgspec.json.encode(value), type(value)) == value
    assert convert_strictly(msgspec.to_builtins(value), type(value)) == value


def test_content_digests_are_those_of_the_metadata_that_was_sent() -> None:
    read = decode_strictly(msgspec.json.encode(METADATA), Metadata)
    assert content_digest([], read) == content_digest([], METADATA)
    assert content_digest([], decode_strictly(b"{}", Metadata)) == content_digest([], Metadata())


def test_objects_are_taken_by_their_attributes_where_that_is_asked_for() -> None:
    fields = {"signature": METADATA.signature, "framework": "sklearn"}
    found = convert_strictly(fields, Metadata, from_attributes=True)
    assert found == Metadata(signature=METADATA.signature, framework="sklearn")
    with pytest.raises(msgspec.ValidationError, match="unknown field `frmework`"):
        convert_strictly({**fields, "frmework": "x"}, Metadata, from_attributes=True)


def test_a_field_that_must_be_given_must_be_given() -> None:
    with pytest.raises(msgspec.ValidationError, match="missing required field `document`"):
        decode_strictly(b"{}", WritePolicy)


def test_a_type_that_is_strict_already_stays_as_it_is() -> None:
    assert strict(AttachPolicy) is AttachPolicy
    assert strict(strict(WritePolicy)) is strict(WritePolicy)
    assert strict(dict[str, object]) == dict[str, object]
    assert strict(PolicyDocument) is not PolicyDocument


NAMES = st.text(st.characters(exclude_categories=["Cs"]), max_size=3)


class Pairs(list[tuple[str, Any]]):
    """An object of JSON as it is written, in which a name may come again."""


WRITTEN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | NAMES,
    lambda inner: st.lists(inner, max_size=3) | st.lists(st.tuples(NAMES, inner), max_size=4).map(Pairs),
    max_leaves=12,
)


def written(value: Any) -> str:
    if isinstance(value, Pairs):
        return "{" + ",".join(f"{json.dumps(name)}: {written(inner)}" for name, inner in value) + "}"
    return f"[{','.join(map(written, value))}]" if isinstance(value, list) else json.dumps(value)


def repeats(value: Any) -> bool:
    """The same by the slow way: from what was written, not from its text."""
    if isinstance(value, Pairs):
        names = [name for name, _ in value]
        return len(set(names)) < len(names) or any(repeats(inner) for _, inner in value)
    return isinstance(value, list) and any(map(repeats, value))


@given(WRITTEN)
def test_a_name_twice_in_one_object_is_refused_and_nothing_else(value: Any) -> None:
    text = written(value).encode()
    if repeats(value):
        with pytest.raises(RepeatedName):
            decode_strictly(text, object)
    else:
        decode_strictly(text, object)


@given(st.binary() | WRITTEN.map(lambda value: written(value).encode()) | st.text('[]{}",:01e-\\u \n').map(str.encode))
def test_whatever_one_can_read_can_be_looked_through(data: bytes) -> None:
    try:
        read = msgspec.json.decode(data)
    except UNDECODABLE:
        return
    with contextlib.suppress(RepeatedName):
        assert decode_strictly(data, object) == read


@pytest.mark.parametrize(
    "text",
    [
        r'{"a": 1, "\u0061": 2}',
        '{"a": 1, "b": {"c": {}, "c": {}}}',
        '[{"a": [{"": 0, "": 0}]}]',
        '{"a": 1, "a": 1}',
        '{"x": ' + "9" * 300 + ', "x": 0}',
    ],
)
def test_a_name_is_what_is_meant_however_it_is_written(text: str) -> None:
    with pytest.raises(RepeatedName, match="comes twice"):
        decode_strictly(text.encode(), object)


def test_the_same_name_in_different_objects_is_no_repetition() -> None:
    decode_strictly(
        b'{"a": {"a": {"a": []}}, "b": [{"a": 1}, {"a": 1}], "A": 0, "c": ' + b"9" * 5000 + b"}", msgspec.Raw
    )
