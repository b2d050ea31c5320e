"""Values of any type of the wire, and the same with fields that it doesn't know."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import msgspec
from msgspec import inspect

UNKNOWN = "unkonwn"
_MOMENT = "2026-03-03T12:00:00Z"

Path = tuple[str | int, ...]


def sample(of: Any) -> Any:
    """A JSON value of this type, in which every field has a value and every collection an entry."""
    return _sample(inspect.type_info(of))


def objects(of: Any) -> list[tuple[Path, type[msgspec.Struct]]]:
    """The structs in its sample, each with its place."""
    return list(_objects(inspect.type_info(of), ()))


def with_unknown(value: Any, *paths: Path) -> Any:
    """The value with an unknown field in each of these objects."""
    changed = deepcopy(value)
    for path in paths:
        place = changed
        for step in path:
            place = place[step]
        place[UNKNOWN] = {"of": ["a", "newer", "release"]}
    return changed


def _sample(of: inspect.Type) -> Any:  # noqa: C901, PLR0911 - a table of types
    match of:
        case inspect.StructType():
            return {field.encode_name: _sample(field.type) for field in of.fields}
        case inspect.UnionType():
            return _sample(_fullest(of))
        case inspect.ListType() | inspect.VarTupleType():
            return [_sample(of.item_type)]
        case inspect.DictType():
            return {_key(of): _sample(of.value_type)}
        case inspect.EnumType():
            return next(iter(of.cls)).value
        case inspect.DateTimeType():
            return _MOMENT
        case inspect.BoolType():
            return True
        case inspect.IntType():
            return 1
        case inspect.FloatType():
            return 0.5
        case inspect.StrType() | inspect.AnyType():
            return "text"
        case inspect.CustomType(cls=cls) if cls is object:
            return "text"
        case inspect.Metadata():
            return _sample(of.type)
    raise NotImplementedError(of)


def _objects(of: inspect.Type, at: Path) -> Iterator[tuple[Path, type[msgspec.Struct]]]:
    match of:
        case inspect.StructType():
            yield at, of.cls
            for field in of.fields:
                yield from _objects(field.type, (*at, field.encode_name))
        case inspect.UnionType():
            yield from _objects(_fullest(of), at)
        case inspect.ListType() | inspect.VarTupleType():
            yield from _objects(of.item_type, (*at, 0))
        case inspect.DictType():
            yield from _objects(of.value_type, (*at, _key(of)))


def _key(of: inspect.DictType) -> str:
    """Of the entry that a mapping has: texts and numbers aren't taken from a list, as kinds are."""
    return str(_sample(of.key_type)) if isinstance(of.key_type, inspect.EnumType) else "key"


def _fullest(of: inspect.UnionType) -> inspect.Type:
    """The alternative to None; of scalars, any will do."""
    return next(one for one in of.types if not isinstance(one, inspect.NoneType))
