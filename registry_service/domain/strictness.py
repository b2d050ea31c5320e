"""Reading what others write.

The values of the registry tolerate fields that they don't know: an older client reads a newer service's answers. What
is sent to the service, or stored to be judged by, must not: a misspelt field would be a silently missing one, and a
demand that isn't understood would be a demand dropped.
"""

from __future__ import annotations

import json
from collections import Counter
from functools import cache, reduce
from operator import or_
from types import UnionType
from typing import Any, Final, TypeVar, Union, cast, get_args, get_origin

import msgspec

T = TypeVar("T")


class RepeatedName(ValueError):
    """An object of JSON names something twice; `name` is what."""

    def __init__(self, name: str) -> None:
        super().__init__(f"the name {name[:80]!r} comes twice in one object")
        self.name = name


UNDECODABLE: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError, RepeatedName)
"""What is raised of bytes that aren't the JSON wanted: text that isn't UTF-8 and nesting without end are no
DecodeError."""


def decode_strictly(data: bytes, of: type[T]) -> T:
    """The JSON as a value of this type.

    :raises msgspec.DecodeError: it is none, or at any level has a field that its type doesn't know.
    :raises RepeatedName: an object at any level names something twice.
    :raises UnicodeDecodeError, RecursionError: it isn't UTF-8, or is nested too deeply.
    """

    checked = strict(of)
    value = msgspec.json.decode(data, type=checked)
    # Whatever its size: a limit to what is looked through would be a way around it.
    _refuse_repeated_names(data)
    # Values of other classes would be none that anybody else takes, or that equal those written in Python.
    return value if checked is of else msgspec.json.decode(data, type=of)


def _refuse_repeated_names(data: bytes) -> None:
    """Of two fields of the same name, one reader takes the first and another the last (RFC 8259, section 4), so that
    what one has looked through is not what the other does. Nothing is kept of the values; names are compared as they
    are meant, whichever escapes they are written with.

    :param data: JSON that msgspec can read
    """

    _NAMES.decode(data.decode())


def _refuse_repeated(pairs: list[tuple[str, object]]) -> None:
    if len(dict(pairs)) != len(pairs):
        raise RepeatedName(Counter(name for name, _ in pairs).most_common(1)[0][0])


# As floats, because whole numbers of more than 4,300 digits are an error of Python's, and none of JSON.
_NAMES: Final = json.JSONDecoder(object_pairs_hook=_refuse_repeated, parse_int=float)


def convert_strictly(value: object, of: type[T], *, from_attributes: bool = False) -> T:
    """Mappings and lists as a value of this type; `from_attributes`: other objects as well.

    :raises msgspec.ValidationError: as for `decode_strictly`.
    """

    checked = strict(of)
    found = msgspec.convert(value, checked, from_attributes=from_attributes)
    return found if checked is of else msgspec.convert(value, of, from_attributes=from_attributes)


def strict(of: type[T]) -> type[T]:
    """The type that refuses unknown fields at every level: `of` itself where it does, else one of subclasses of its
    structs. Its schema is what may be sent.

    :param of: a struct, or a type made of structs such as `list[MetadataField]`; none that contains itself
    """

    return cast("type[T]", _strict(of))


def _strict(of: Any) -> Any:  # noqa: ANN401 - any annotation
    if isinstance(of, type) and issubclass(of, msgspec.Struct):
        return _strict_struct(of)
    arguments = get_args(of)
    replaced = tuple(map(_strict, arguments))
    if replaced == arguments:
        return of
    origin: Any = get_origin(of)
    return reduce(or_, replaced) if origin in {Union, UnionType} else origin[replaced]


@cache
def _strict_struct(of: Any) -> Any:  # noqa: ANN401 - a class of structs, which the cache takes for unhashable
    fields = [(field, _strict(field.type)) for field in msgspec.structs.fields(of)]
    refuses = of.__struct_config__.forbid_unknown_fields
    if refuses and all(field.type == type_ for field, type_ in fields):
        return of
    return msgspec.defstruct(
        # As requests name what has a like in answers: NewManifestFile, ManifestFile.
        of.__name__ if refuses else f"New{of.__name__}",
        [_definition(field, type_) for field, type_ in fields],
        bases=(of,),
        module=of.__module__,
        namespace={"__doc__": of.__doc__},
        kw_only=True,
        forbid_unknown_fields=True,
    )


def _definition(field: msgspec.structs.FieldInfo, of: Any) -> tuple[str, Any] | tuple[str, Any, Any]:  # noqa: ANN401
    if field.required:
        return field.name, of
    if field.default is msgspec.NODEFAULT:
        return field.name, of, msgspec.field(default_factory=field.default_factory)
    return field.name, of, field.default
