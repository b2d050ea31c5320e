"""What a list may be narrowed to: the values that its rows have, each as one more condition of the filter."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import chain
from types import MappingProxyType
from typing import Final, NamedTuple

from registry_service.db.filterable import LISTS
from registry_service.db.queries.facets import count_model_facets
from registry_service.db.view import View
from registry_service.domain.entities import Facet, ModelVersion, RegisteredModel
from registry_service.domain.expressions import Reference, Type, formatted, named, parse, parse_names
from registry_service.domain.expressions.tree import Comparison, Literal, Operator, Or

MAX_TAGS: Final = 3
_VALUES: Final = 8
_FIELDS: Final = MappingProxyType(
    {
        "owner": "owner",
        "stage": "current in",
        "latest_version.framework": "framework",
        "latest_version.format": "format",
    }
)


class Choice(NamedTuple):
    """`filter`: what is then asked for; where it is `chosen` already, what is left without it."""

    value: str
    times: int
    filter: str
    chosen: bool


class Choices(NamedTuple):
    """`lacking`: how many have no value at all. `more`: there are further values."""

    name: str
    among: list[Choice]
    lacking: int
    more: bool


def model_choices(view: View, where: str | None, shown: Iterable[RegisteredModel]) -> list[Choices]:
    """Of the models that the filter finds, by owner, stage, framework, format, and the first tags of those shown. What
    leaves no choice is left out.

    :raises InvalidFilter: the filter is none of models.
    """

    keys = list(dict.fromkeys(chain.from_iterable(model.tags for model in shown)))[:MAX_TAGS]
    fields = {**_FIELDS, **{_key("tags", key): key for key in keys}}
    counted = count_model_facets(view, ",".join(fields), where, limit=_VALUES)
    names = dict(zip((facet.field for facet in counted.facets), fields.values(), strict=True))
    alternatives = bool(where) and isinstance(parse(where or "", LISTS["models"].vocabulary, now=view.now), Or)
    found = (_choices(facet, names, where or "", alternatives=alternatives) for facet in counted.facets)
    return [one for one in found if one.among and (len(one.among) > 1 or one.lacking or one.among[0].chosen)]


def words_of_models() -> list[str]:
    """What a filter of models may begin a condition with."""
    filterable = LISTS["models"]
    return sorted([*filterable.attributes, *(f"{space}." for space in filterable.spaces)])


def words_of_versions(versions: Iterable[ModelVersion]) -> list[str]:
    """The same of versions, with the keys that these have."""
    filterable = LISTS["versions"]
    return sorted([*filterable.attributes, *(f"{space}." for space in filterable.spaces), *words_of_keys(versions)])


def words_of_keys(versions: Iterable[ModelVersion]) -> list[str]:
    """The metrics, params and tags that these have, as a filter names them."""
    return sorted(
        {_key(space, key) for version in versions for space, keys in _spaces(version).items() for key in keys}
    )


def _spaces(version: ModelVersion) -> Mapping[str, Iterable[str]]:
    return {"metrics": version.metadata.metrics, "params": version.metadata.params, "tags": version.tags}


def _key(space: str, key: str) -> str:
    return named(Reference(space, Type.TEXT, key))


def _choices(facet: Facet, names: Mapping[str, str], where: str, *, alternatives: bool) -> Choices:
    ((_, reference),) = parse_names(facet.field, LISTS["models"].vocabulary)
    before = f"({where})" if alternatives else where
    values = [
        Choice(str(one.value), one.count, *_narrowed(before, _condition(reference, one.value))) for one in facet.values
    ]
    return Choices(names[facet.field], values, facet.lacking, facet.more)


def _condition(reference: Reference, value: str | float) -> str:
    return formatted(Comparison(Operator.EQUAL, reference, Literal(value)))


def _narrowed(where: str, condition: str) -> tuple[str, bool]:
    """The filter with the condition, and that it wasn't there; or without, and that it was."""

    left = _without(where, condition)
    if left is not None:
        return left, True
    return (f"{where} AND {condition}" if where.strip() else condition), False


def _without(where: str, condition: str) -> str | None:
    """None: it isn't there."""

    if where == condition:
        return ""
    if where.endswith(f" AND {condition}"):
        return where.removesuffix(f" AND {condition}")
    if where.startswith(f"{condition} AND "):
        return where.removeprefix(f"{condition} AND ")
    between = f" AND {condition} AND "
    return where.replace(between, " AND ", 1) if between in where else None
