"""What is known of a version at registration. It is part of the content digest, so it never changes afterwards."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from itertools import islice
from types import MappingProxyType
from typing import Any, Final

import msgspec

from registry_service.domain.canonical import canonical
from registry_service.domain.errors import InvalidMetadata, TooLarge
from registry_service.domain.names import check_key, check_text
from registry_service.domain.schema_faults import faults_of

MAX_FIGURES: Final = 2_000
MAX_TEXT_BYTES: Final = 256
MAX_PARAM_BYTES: Final = 6_000  # what MLflow's clients may send
MAX_METADATA_BYTES: Final = 1024 * 1024
MAX_FAULTS: Final = 10

INDEXED_FIELDS: Final = (
    "framework", "format", "precision", "architecture", "task", "target_device", "target_device_type", "category",
    "origin", "project_id", "project_name",
)  # fmt: skip
"""Fields that searches find by columns of their own, and conditions of policies may ask for."""

ParamValue = str | int | float | bool


class Direction(StrEnum):
    HIGHER_IS_BETTER = "higher_is_better"
    LOWER_IS_BETTER = "lower_is_better"


class Signature(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a model takes and gives, each as a JSON Schema (2020-12)."""

    inputs: dict[str, Any] | None = None
    outputs: dict[str, Any] | None = None


class Metadata(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Registered metadata. `metrics` are finite numbers; a metric counts as better when higher, unless `directions`
    says otherwise. `score` is the one figure that sums the version up, on a scale that its owner defines. `origin` is
    the system that a model came from, with its `project_id` and `project_name` there; `overview` and
    `optimization_capabilities` are what such a system says of it."""

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
    target_device_type: str | None = None
    category: str | None = None
    origin: str | None = None
    project_id: str | None = None
    project_name: str | None = None
    score: float | None = None
    labels: tuple[str, ...] = ()
    overview: dict[str, Any] = {}
    optimization_capabilities: dict[str, Any] = {}
    extra: dict[str, Any] = {}

    def direction(self, metric: str) -> Direction:
        return self.directions.get(metric, Direction.HIGHER_IS_BETTER)


class FieldType(StrEnum):
    STRING = "string"
    NUMBER = "number"
    BOOLEAN = "boolean"
    OBJECT = "object"
    LIST = "list"


class MetadataField(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A field that a model demands of its versions. `key` is a path such as `metrics.auc`, `framework` or
    `extra.country`. A recommended field (`required=False`) that is missing is reported, not refused."""

    key: str
    type: FieldType
    required: bool = True
    description: str = ""


_TYPES: Final = MappingProxyType(
    {
        FieldType.STRING: (str,),
        FieldType.NUMBER: (int, float),
        FieldType.BOOLEAN: (bool,),
        FieldType.OBJECT: (dict,),
        FieldType.LIST: (list, tuple),
    }
)


def field_value(metadata: Metadata, key: str) -> object:
    """What stands at `key` (`framework`, `metrics.auc`, `extra.owner.team`); None where nothing does. The longest
    key wins, so that a metric named `f1.macro` is found as well."""

    found: object = msgspec.to_builtins(metadata)
    path = key.split(".")
    while path and isinstance(found, dict):
        for end in range(len(path), 0, -1):
            name = ".".join(path[:end])
            if name in found:
                found, path = found[name], path[end:]
                break
        else:
            return None
    return None if path else found


def missing_fields(metadata: Metadata, fields: Sequence[MetadataField], *, required: bool) -> list[str]:
    """The keys of required (or recommended) fields that the metadata doesn't bring in the demanded type."""

    return [
        field.key
        for field in fields
        if field.required is required and not _has_type(field_value(metadata, field.key), field.type)
    ]


def check_metadata(metadata: Metadata) -> None:
    """Whether the metadata may be registered: whatever it says can be found again, and hashed.

    :raises InvalidName: a metric or param has a key that is none.
    :raises InvalidInput: a text holds NUL or half of a surrogate pair.
    :raises InvalidMetadata: something has no canonical form: NaN, infinities, integers beyond 2^53; or a side of the
        signature is no JSON Schema.
    :raises TooLarge: more than 2,000 metrics or params, a text of more than 256 bytes or a param of more than 6,000,
        or more than 1 MiB in all.
    """

    _check_figures(metadata)
    for key in (*INDEXED_FIELDS, "framework_version"):
        text = getattr(metadata, key)
        if text is not None:
            check_text(text, key, limit=MAX_TEXT_BYTES)
    for label in metadata.labels:
        check_text(label, "labels", limit=MAX_TEXT_BYTES)
    size = len(canonical(msgspec.to_builtins(metadata)))
    if size > MAX_METADATA_BYTES:
        raise TooLarge(f"The metadata has {size} bytes; 1 MiB is the limit. Keep large parts in a file.", size=size)
    for side in ("inputs", "outputs"):
        _check_schema(getattr(metadata.signature, side, None), f"signature.{side}")


def _check_figures(metadata: Metadata) -> None:
    for what, figures in (("metrics", metadata.metrics), ("params", metadata.params)):
        if len(figures) > MAX_FIGURES:
            raise TooLarge(
                f"{len(figures)} {what} are too many; {MAX_FIGURES} are the limit. Keep the rest in a file.", key=what
            )
    for key in (*metadata.metrics, *metadata.params, *metadata.directions):
        check_key(key)
    for key, value in metadata.params.items():
        if isinstance(value, str):
            check_text(value, f"params.{key}", limit=MAX_PARAM_BYTES)


def _check_schema(schema: object, field: str) -> None:
    """:raises InvalidMetadata: it is there, and no JSON Schema; `details["faults"]` says why, at most ten times."""

    faults = [] if schema is None else [f"{at or 'it'} {what}" for at, what in islice(faults_of(schema), MAX_FAULTS)]
    if faults:
        raise InvalidMetadata(
            f"{field} is no JSON Schema (2020-12): {faults[0]}. Mend it, or say with $schema which dialect it is of.",
            field=field,
            faults=faults,
        )


def _has_type(value: object, wanted: FieldType) -> bool:
    # A bool is an int to Python, and no number to anybody else.
    return isinstance(value, _TYPES[wanted]) and (wanted is FieldType.BOOLEAN or not isinstance(value, bool))
