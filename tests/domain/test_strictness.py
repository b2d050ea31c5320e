from __future__ import annotations

import msgspec
import pytest

from registry_service.domain.manifest import content_digest
from registry_service.domain.metadata import FieldType, Metadata, MetadataField, Signature
from registry_service.domain.policies import BUILT_IN, PolicyDocument
from registry_service.domain.requests import AttachPolicy, RegisterVersion, UpdateModel, WritePolicy
from registry_service.domain.strictness import convert_strictly, decode_strictly, strict

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
