"""Which names there may be. Names reach URLs, file systems, shells and logs of others, so that each kind admits what
is safe everywhere and says what to do about the rest.

Every `check_…` answers with the name it was given, or raises.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from typing import Final

from registry_service.domain.errors import InvalidInput, InvalidName, InvalidPath, TooLarge

MAX_NAME: Final = 256
MAX_IDENTIFIER: Final = 64
MAX_PATH_BYTES: Final = 1024
MAX_SEGMENT_BYTES: Final = 255  # NAME_MAX of the file systems that a download lands on
MAX_TAGS: Final = 200
MAX_TAG_VALUE_BYTES: Final = 100_000  # what MLflow's clients may send

_MODEL: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9 ._-]*[A-Za-z0-9])?")
_IDENTIFIER: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_READS_AS_NUMBER: Final = re.compile(r"[vV]?[0-9]+")
_PRINCIPAL: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._@+-]*\$?")
_GROUP: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9 ._@+-]*[A-Za-z0-9])?")
# On Windows any one character before a colon is a drive, and a path behind it starts there.
_DRIVE: Final = re.compile(".:")
# Controls, line and paragraph separators, halves of surrogate pairs, and the marks that make text read in another
# order than it is stored in (CVE-2021-42574).
_UNPRINTABLE: Final = re.compile("[\0-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def check_model_name(name: str) -> str:
    """:raises InvalidName: other than ASCII letters, digits, space, `.`, `_`, `-`; at most 256; the first and the last
    a letter or digit; no `..`.
    """

    if len(name) > MAX_NAME or ".." in name or not _MODEL.fullmatch(name):
        raise InvalidName(
            f"{_shown(name)} is no name for a model. Use ASCII letters, digits, space, '.', '_' and '-', at most"
            f" {MAX_NAME}, beginning and ending with a letter or digit, without '..'.",
            name=_cut(name),
        )
    return name


def check_alias_name(name: str) -> str:
    """Aliases and stages share one namespace, and stand where a version number or `latest` could.

    :raises InvalidName: no identifier of at most 64 characters, or one that reads as another selector.
    """

    return _check_pointer(name, "an alias")


def check_stage_name(name: str) -> str:
    """:raises InvalidName: as for aliases."""

    return _check_pointer(name, "a stage")


def check_policy_name(name: str) -> str:
    """:raises InvalidName: no identifier of at most 64 characters."""

    return _check_identifier(name, "a policy")


def check_rule_name(name: str) -> str:
    """:raises InvalidName: no identifier of at most 64 characters."""

    return _check_identifier(name, "a retention rule")


def check_consumer_name(name: str) -> str:
    """:raises InvalidName: no identifier of at most 64 characters."""

    return _check_identifier(name, "a consumer")


def check_principal_name(name: str) -> str:
    """A login name or an e-mail address.

    :raises InvalidName: it has other characters, none, or more than 256.
    """

    if len(name) > MAX_NAME or not _PRINCIPAL.fullmatch(name):
        raise InvalidName(
            f"{_shown(name)} is no name for a person or service. Use ASCII letters, digits, '.', '_', '@', '+' and"
            f" '-', at most {MAX_NAME}, beginning with a letter, digit or '_'.",
            name=_cut(name),
        )
    return name


def check_group_name(name: str) -> str:
    """:raises InvalidName: it has other characters than group names have, none, or more than 256."""

    if len(name) > MAX_NAME or not _GROUP.fullmatch(name):
        raise InvalidName(
            f"{_shown(name)} is no name for a group. Use ASCII letters, digits, space, '.', '_', '@', '+' and '-', at"
            f" most {MAX_NAME}, beginning and ending with a letter or digit.",
            name=_cut(name),
        )
    return name


def check_key(key: str) -> str:
    """A key of tags, metrics or params, or the name of a check or target: any printable text, normalised (NFC), of at
    most 256 bytes in UTF-8.

    :raises InvalidName: it isn't.
    """

    if (
        not key
        or key != key.strip()
        or _UNPRINTABLE.search(key)
        or len(key.encode()) > MAX_NAME
        or not unicodedata.is_normalized("NFC", key)
    ):
        raise InvalidName(
            f"{_shown(key)} is no key. Use printable text in Unicode's NFC form, 1 to {MAX_NAME} bytes, without"
            " space at either end.",
            name=_cut(key),
        )
    return key


def check_tags(tags: Mapping[str, str]) -> None:
    """:raises InvalidName: a key isn't one.
    :raises InvalidInput: a value holds NUL or half of a surrogate pair.
    :raises TooLarge: more than 200 tags, or a value of more than 100,000 bytes.
    """

    if len(tags) > MAX_TAGS:
        raise TooLarge(f"{len(tags)} tags are too many; {MAX_TAGS} are the limit. Leave some out.", tags=len(tags))
    for key, value in tags.items():
        check_key(key)
        check_text(value, f"Tag {key!r}", limit=MAX_TAG_VALUE_BYTES)


def check_text(text: str, what: str, *, limit: int) -> str:
    """Text that both databases keep as it is.

    :param limit: in bytes of UTF-8
    :raises InvalidInput: it holds NUL or half of a surrogate pair.
    :raises TooLarge: it is longer.
    """

    try:
        length = len(text.encode())
    except UnicodeEncodeError as error:
        raise InvalidInput(f"{what} holds half of a surrogate pair. Mend its encoding.", name=what) from error
    if "\0" in text:
        raise InvalidInput(f"{what} holds a NUL character. Leave it out.", name=what)
    if length > limit:
        raise TooLarge(f"{what} has {length} bytes; {limit} are the limit. Shorten it.", name=what)
    return text


def check_path(path: str) -> str:
    """A logical path within a version: relative, separated by `/`. It names a file of the manifest and is never joined
    to a path of the server's disk; clients do write it to theirs, on whatever system.

    :raises InvalidPath: it could lead out of the directory, or can't stand on every file system.
    """

    fault = _fault_of_path(path)
    if fault is not None:
        raise InvalidPath(f"{_shown(path)} is no path for a file of a version: {fault}", path=_cut(path))
    return path


def fold(name: str) -> str:
    """Equal for names that people, or file systems that ignore case, would take for the same (Unicode's canonical
    caseless matching, definition D145)."""

    if name.isascii():
        return name.lower()
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", name).casefold())


def _fault_of_path(path: str) -> str | None:
    segments = path.split("/")
    # In this order: what comes later may rely on what came before, such as text that can be encoded.
    faults = (
        (lambda: not path, "it is empty. Name the file."),
        (lambda: _UNPRINTABLE.search(path), "it holds a control character. Leave it out."),
        (lambda: "\\" in path, "it holds a backslash. Separate directories by '/'."),
        (lambda: path[0] == "/" or _DRIVE.match(path), "it is absolute. Name it relative to the version's root."),
        (lambda: len(path.encode()) > MAX_PATH_BYTES, f"it is longer than {MAX_PATH_BYTES} bytes. Shorten it."),
        (lambda: not unicodedata.is_normalized("NFC", path), "it isn't in Unicode's NFC form. Normalise it first."),
        (
            lambda: not {"", ".", ".."}.isdisjoint(segments),
            "it has an empty, '.' or '..' segment. Write it without.",
        ),
        (
            lambda: any(segment[-1] in " ." for segment in segments),
            "a segment ends with a space or dot, which some file systems drop. Rename it.",
        ),
        (
            lambda: any(len(segment.encode()) > MAX_SEGMENT_BYTES for segment in segments),
            f"a segment is longer than {MAX_SEGMENT_BYTES} bytes. Shorten it.",
        ),
    )
    return next((message for is_so, message in faults if is_so()), None)


def _check_pointer(name: str, what: str) -> str:
    _check_identifier(name, what)
    if name.lower() == "latest" or _READS_AS_NUMBER.fullmatch(name):
        raise InvalidName(
            f"'{name}' can't name {what}: it reads as a version. Use a word such as 'champion' or 'staging'.",
            name=name,
        )
    return name


def _check_identifier(name: str, what: str) -> str:
    if len(name) > MAX_IDENTIFIER or not _IDENTIFIER.fullmatch(name):
        raise InvalidName(
            f"{_shown(name)} is no name for {what}. Use ASCII letters, digits, '.', '_' and '-', at most"
            f" {MAX_IDENTIFIER}, beginning with a letter or digit.",
            name=_cut(name),
        )
    return name


def _cut(text: str) -> str:
    """Short, and safe to encode in an answer whatever came in."""

    short = text if len(text) <= 80 else f"{text[:79]}…"
    return short.encode(errors="backslashreplace").decode()


def _shown(text: str) -> str:
    """For a message: with controls escaped, so that it can't forge a line of a log."""

    return repr(_cut(text))
