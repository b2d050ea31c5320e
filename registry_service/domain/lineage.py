"""What may be said of where a version comes from. Refs are opaque text to the registry, except those that name
another version of it."""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Sequence
from typing import Final, NamedTuple

from registry_service.domain.entities import LineageKind
from registry_service.domain.errors import InvalidInput, LineageCycle, TooLarge
from registry_service.domain.manifest import check_digest
from registry_service.domain.names import check_text
from registry_service.domain.references import check_link, refuse_secret
from registry_service.domain.requests import NewLineageEdge

MAX_EDGES: Final = 1000
MAX_DETAILS: Final = 64
# In bytes of UTF-8. Refs are looked up by an index, and PostgreSQL's index rows end at 2.7 kB.
MAX_REF: Final = 1024
MAX_URL: Final = 2048
MAX_DETAIL_KEY: Final = 256
MAX_DETAIL_VALUE: Final = 4096

_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
# Long enough for SHA-256 with its name; datasets and commits have digests of their own kinds.
_DIGEST: Final = re.compile(r"(?=.{3,71}\Z)[a-z0-9-]+:[0-9A-Za-z+/=_-]+", re.ASCII)
_NUMBER: Final = re.compile(r"[1-9][0-9]{0,17}", re.ASCII)


class VersionReference(NamedTuple):
    """`model/3`: a version of this registry, which may no longer, or not for every reader, be there."""

    model_name: str
    number: int

    def __str__(self) -> str:
        return f"{self.model_name}/{self.number}"


def parse_version_reference(ref: str) -> VersionReference:
    """:raises InvalidInput: `ref` is not `<model>/<number>`."""

    model_name, slash, number = ref.rpartition("/")
    if not slash or not model_name or "/" in model_name or not _NUMBER.fullmatch(number):
        raise InvalidInput(f"'{ref}' names no version. Write it as '<model>/<number>', such as 'fraud/3'.", ref=ref)
    return VersionReference(model_name, int(number))


def parse_parent(ref: str) -> VersionReference | str:
    """The version that a parent edge names: `<model>/<number>`, or a content digest.

    :raises InvalidInput: it is neither.
    """
    return check_digest(ref) if ref.startswith("sha256:") else parse_version_reference(ref)


def refuse_cycle(
    version: VersionReference, parents: Iterable[VersionReference], descendants: Container[VersionReference]
) -> None:
    """What a version comes from was there before it. `descendants` are all that were made of the version, however far.

    :raises LineageCycle: a parent is the version itself, or one of its descendants.
    """

    for parent in parents:
        if parent == version:
            raise LineageCycle(f"{version} can't come from itself. Name the version that it was made of.")
        if parent in descendants:
            raise LineageCycle(
                f"{version} can't come from {parent}, which was made of it. If the other edge is wrong, say so in a"
                " comment: edges stay."
            )


def check_lineage(edges: Sequence[NewLineageEdge]) -> None:
    """Edges as a registration, or whoever adds to one, may bring them.

    :raises InvalidInput: an edge is malformed, carries a secret, or is given twice; the message says which,
        counting from 0.
    :raises TooLarge: there are too many edges, or one carries too much.
    """

    if len(edges) > MAX_EDGES:
        raise TooLarge(f"lineage has {len(edges)} edges; at most {MAX_EDGES} are kept. Name sets instead of members.")
    seen: dict[tuple[LineageKind, str], int] = {}
    for index, edge in enumerate(edges):
        _check_edge(edge, f"lineage[{index}]")
        first = seen.setdefault((edge.kind, edge.ref), index)
        if first != index:
            raise InvalidInput(f"lineage[{index}] says the same as lineage[{first}]. Leave one out.", ref=edge.ref)


def _check_edge(edge: NewLineageEdge, where: str) -> None:
    _check_line(edge.ref, f"{where}.ref", MAX_REF)
    refuse_secret(edge.ref, f"{where}.ref")
    if edge.kind is LineageKind.PARENT_VERSION:
        parse_parent(edge.ref)
    if edge.digest is not None and not _DIGEST.fullmatch(edge.digest):
        raise InvalidInput(f"{where}.digest is no digest. Write it as '<algorithm>:<value>', 71 characters at most.")
    if edge.url is not None:
        _check_line(edge.url, f"{where}.url", MAX_URL)
        check_link(edge.url, f"{where}.url")
    if len(edge.details) > MAX_DETAILS:
        raise TooLarge(f"{where}.details has {len(edge.details)} entries; at most {MAX_DETAILS} are kept.")
    for key, value in edge.details.items():
        _check_line(key, f"{where}.details, the key {key[:40]!r},", MAX_DETAIL_KEY)
        check_text(value, f"{where}.details[{key!r}]", limit=MAX_DETAIL_VALUE)
        refuse_secret(value, f"{where}.details[{key!r}]")


def _check_line(text: str, where: str, longest: int) -> None:
    if not text.strip() or _CONTROL.search(text):
        raise InvalidInput(f"{where} is empty or has control characters. Give one line of plain text.")
    check_text(text, where, limit=longest)
