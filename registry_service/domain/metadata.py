"""What is known of a version at registration. It is part of the content digest, so it never changes afterwards."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import msgspec

ParamValue = str | int | float | bool


class Direction(StrEnum):
    HIGHER_IS_BETTER = "higher_is_better"
    LOWER_IS_BETTER = "lower_is_better"


class Signature(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What a model takes and gives, each as a JSON Schema (2020-12)."""

    inputs: dict[str, Any] | None = None
    outputs: dict[str, Any] | None = None


class Metadata(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Registered metadata. `metrics` are finite numbers; a metric counts as better when higher, unless `directions`
    says otherwise. `score` is the one figure that sums the version up, on a scale that its owner defines."""

    metrics: dict[str, float] = {}
    directions: dict[str, Direction] = {}
    params: dict[str, ParamValue] = {}
    signature: Signature | None = None
    framework: str | None = None
    framework_version: str | None = None
    format: str | None = None
    precision: str | None = None
    architecture: str | None = None
    task: str | None = None
    target_device: str | None = None
    score: float | None = None
    labels: tuple[str, ...] = ()
    extra: dict[str, Any] = {}

    def direction(self, metric: str) -> Direction:
        return self.directions.get(metric, Direction.HIGHER_IS_BETTER)


class FieldType(StrEnum):
    STRING = "string"
    NUMBER = "number"
    BOOLEAN = "boolean"
    OBJECT = "object"
    LIST = "list"


class MetadataField(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A field that a model demands of its versions. `key` is a path such as `metrics.auc`, `framework` or
    `extra.country`. A recommended field (`required=False`) that is missing is reported, not refused."""

    key: str
    type: FieldType
    required: bool = True
    description: str = ""
