"""Canonical JSON (RFC 8785): one byte sequence per value, on every machine, so that it can be hashed."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final

import rfc8785

from registry_service.domain.errors import InvalidMetadata

MAX_DEPTH: Final = 32
# Beyond this, JSON's numbers (IEEE 754 doubles) can't tell neighbouring integers apart: RFC 8785, section 3.2.2.3.
MAX_SAFE_INTEGER: Final = 2**53 - 1


def canonical(value: object, *, at: str = "") -> bytes:
    """The canonical JSON of a value made of mappings, sequences, text, numbers, booleans and None.

    :param at: where the value stands, for the message (`metadata`)
    :raises InvalidMetadata: something has no canonical form; `details["key"]` says what.
    """

    _check(value, at, 0)
    return rfc8785.dumps(value)  # type: ignore[arg-type]  # its recursive type is what _check has just established


def _check(value: object, at: str, depth: int) -> None:
    if depth > MAX_DEPTH:
        raise _refusal(at, f"is nested deeper than {MAX_DEPTH} levels", "Flatten it.")
    if isinstance(value, Mapping):
        for key, inner in value.items():
            if not isinstance(key, str):
                raise _refusal(at, f"has the key {key!r}, which is no text", "Name it by text.")
            _check_text(key, at)
            _check(inner, f"{at}.{key}" if at else key, depth + 1)
    elif isinstance(value, list | tuple):
        for index, inner in enumerate(value):
            _check(inner, f"{at}[{index}]", depth + 1)
    else:
        _check_scalar(value, at)


def _check_scalar(value: object, at: str) -> None:
    if isinstance(value, str):
        _check_text(value, at)
    elif isinstance(value, float):
        if not math.isfinite(value):
            raise _refusal(at, f"is {value}, which JSON can't say", "Leave it out, or say it as text.")
    elif isinstance(value, int):
        if abs(value) > MAX_SAFE_INTEGER:
            raise _refusal(at, f"is {value}, beyond the integers that JSON keeps exactly (2^53)", "Say it as text.")
    elif value is not None:
        raise _refusal(at, f"is a {type(value).__name__}, which JSON doesn't know", "Say it as text or numbers.")


def _check_text(text: str, at: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise _refusal(at, "holds half of a surrogate pair, which is no text", "Mend its encoding.") from error


def _refusal(at: str, what: str, remedy: str) -> InvalidMetadata:
    key = at or "the value"
    return InvalidMetadata(f"{key} {what}. {remedy}", key=key)
