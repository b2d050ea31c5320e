"""Which columns a table of versions has."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from registry_service.db.filterable import LISTS
from registry_service.domain.entities import ModelVersion
from registry_service.domain.errors import InvalidInput
from registry_service.domain.expressions import Reference, parse_names
from registry_service.domain.metadata import INDEXED_FIELDS, field_value
from registry_service.web.ui.choices import words_of_keys

MAX_COLUMNS: Final = 12
_OF_VERSION: Final = ("description", "created_by", "identity", "source_uri", "size", "file_count")
_OF_METADATA: Final = (*INDEXED_FIELDS, "score")


class Columns(NamedTuple):
    """`chosen`: what is shown, by name, in place of what is shown where nobody chose. `choices`: what there is.
    `values`: of each version that is shown, by its number, what stands in the chosen columns."""

    chosen: list[str]
    choices: list[str]
    values: dict[int, list[object]]


def columns_of(versions: Sequence[ModelVersion], wanted: Iterable[str]) -> Columns:
    """:raises InvalidInput: what is wanted is no column, or too much."""

    asked = ",".join(one for one in wanted if one.strip())
    found = dict(parse_names(asked, LISTS["versions"].vocabulary)) if asked else {}
    if len(found) > MAX_COLUMNS:
        raise InvalidInput(f"{len(found)} columns are too many; {MAX_COLUMNS} are the limit.", field="columns")
    return Columns(
        list(found),
        [*words_of_keys(versions), *_OF_METADATA, *_OF_VERSION],
        {one.number: [_value(one, reference) for reference in found.values()] for one in versions},
    )


def _value(version: ModelVersion, reference: Reference) -> object:
    if reference.name in _OF_VERSION:
        return getattr(version, reference.name)
    if reference.name == "tags":
        return version.tags.get(reference.key or "")
    if reference.name in ("metrics", "params"):
        return getattr(version.metadata, reference.name).get(reference.key)
    if reference.name in _OF_METADATA:
        return field_value(version.metadata, reference.name)
    raise InvalidInput(f"{reference.name} is no column. Choose from those that are listed.", field="columns")
