from __future__ import annotations

import math

import pytest

from registry_service.domain.errors import InvalidInput, InvalidMetadata, InvalidName, RegistryError, TooLarge
from registry_service.domain.manifest import content_digest
from registry_service.domain.metadata import (
    Direction,
    FieldType,
    Metadata,
    MetadataField,
    check_metadata,
    field_value,
    missing_fields,
)


def test_ordinary_metadata_passes() -> None:
    check_metadata(
        Metadata(
            metrics={"auc": 0.9, "f1.macro": 0.1},
            directions={"loss": Direction.LOWER_IS_BETTER},
            params={"lr": 0.1, "opt": "adam", "deep": True, "n": 3},
            framework="pytorch",
            labels=("cat",),
            extra={"country": {"code": "de"}},
        )
    )


@pytest.mark.parametrize(
    ("metadata", "refusal"),
    [
        (Metadata(metrics={"": 1.0}), InvalidName),
        (Metadata(params={"a\n": 1}), InvalidName),
        (Metadata(directions={" a": Direction.LOWER_IS_BETTER}), InvalidName),
        (Metadata(metrics={"auc": math.nan}), InvalidMetadata),
        (Metadata(score=math.inf), InvalidMetadata),
        (Metadata(params={"n": 2**53}), InvalidMetadata),
        (Metadata(extra={"a": {"b": math.nan}}), InvalidMetadata),
        (Metadata(params={"a": "\0"}), InvalidInput),
        (Metadata(framework="\0"), InvalidInput),
        (Metadata(labels=("\0",)), InvalidInput),
        (Metadata(params={"a": "x" * 6001}), TooLarge),
        (Metadata(target_device="x" * 257), TooLarge),
        (Metadata(labels=("x" * 257,)), TooLarge),
        (Metadata(project_name="x" * 257), TooLarge),
        (Metadata(origin="\0"), InvalidInput),
        (Metadata(overview={"a": math.nan}), InvalidMetadata),
        (Metadata(optimization_capabilities={"a": "x" * 1024 * 1024}), TooLarge),
        (Metadata(metrics=dict.fromkeys(map(str, range(2001)), 1.0)), TooLarge),
        (Metadata(params=dict.fromkeys(map(str, range(2001)), 1)), TooLarge),
        (Metadata(extra={"a": "x" * 1024 * 1024}), TooLarge),
    ],
)
def test_what_could_not_be_found_or_hashed_again_is_refused(metadata: Metadata, refusal: type[RegistryError]) -> None:
    with pytest.raises(refusal):
        check_metadata(metadata)


def test_higher_is_better_unless_declared() -> None:
    metadata = Metadata(directions={"loss": Direction.LOWER_IS_BETTER})
    assert metadata.direction("loss") is Direction.LOWER_IS_BETTER
    assert metadata.direction("auc") is Direction.HIGHER_IS_BETTER


def test_a_field_is_found_by_its_longest_key() -> None:
    metadata = Metadata(metrics={"f1": 0.1, "f1.macro": 0.2}, extra={"a.b": {"c": 1}, "a": {"b": 2}}, framework="x")
    assert field_value(metadata, "metrics.f1.macro") == 0.2
    assert field_value(metadata, "metrics.f1") == 0.1
    assert field_value(metadata, "extra.a.b.c") == 1
    assert field_value(metadata, "framework") == "x"
    assert field_value(metadata, "framework.name") is None
    assert field_value(metadata, "params.lr") is None
    assert field_value(metadata, "metrics.nothing") is None


@pytest.mark.parametrize(
    ("type_", "value", "fits"),
    [
        (FieldType.STRING, "a", True),
        (FieldType.STRING, 1, False),
        (FieldType.NUMBER, 1, True),
        (FieldType.NUMBER, 1.5, True),
        (FieldType.NUMBER, True, False),
        (FieldType.BOOLEAN, True, True),
        (FieldType.BOOLEAN, 1, False),
        (FieldType.OBJECT, {}, True),
        (FieldType.LIST, [], True),
        (FieldType.LIST, {}, False),
    ],
)
def test_a_demanded_field_must_have_its_type(type_: FieldType, value: object, fits: bool) -> None:
    metadata = Metadata(extra={"x": value})
    field = MetadataField(key="extra.x", type=type_)
    assert missing_fields(metadata, [field], required=True) == ([] if fits else ["extra.x"])
    assert missing_fields(metadata, [field], required=False) == []


def test_zero_and_false_are_values() -> None:
    fields = [
        MetadataField(key="score", type=FieldType.NUMBER),
        MetadataField(key="metrics.latency", type=FieldType.NUMBER),
        MetadataField(key="overview.trained", type=FieldType.BOOLEAN),
    ]
    metadata = Metadata(score=0.0, metrics={"latency": 0.0}, overview={"trained": False})
    assert missing_fields(metadata, fields, required=True) == []
    assert missing_fields(Metadata(), fields, required=True) == [field.key for field in fields]


def test_fields_that_came_later_leave_digests_alone() -> None:
    known = "sha256:6bfd3ac46f76e69d57c551720b1641dc2d43d5327759480cbd5aeb9b1b5c43d9"
    assert content_digest([], Metadata(score=0.0, labels=("cat",))) == known
