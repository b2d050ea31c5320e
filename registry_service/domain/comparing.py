"""Versions side by side: which figures are best, and what differs from the first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final, NamedTuple

import msgspec

from registry_service.domain.canonical import canonical
from registry_service.domain.entities import (
    Check,
    ComparedCheck,
    ComparedFile,
    ComparedMetric,
    ComparedValue,
    ComparedVersion,
    Comparison,
    FileChange,
    FileComparison,
    ManifestFile,
    ModelVersion,
)
from registry_service.domain.errors import InvalidInput
from registry_service.domain.metadata import Direction, Metadata
from registry_service.domain.signatures import compare_signatures

MIN_VERSIONS: Final = 2
MAX_VERSIONS: Final = 20
MAX_FILES: Final = 100_000
MAX_PATHS: Final = 1_000

# Compared by themselves, each in its own way.
_APART: Final = frozenset({"metrics", "directions", "params", "signature", "extra"})


class Compared(NamedTuple):
    """All that is looked at of a version. `checks`: the latest of each name; `files` None: not read."""

    version: ModelVersion
    checks: Sequence[Check]
    files: Sequence[ManifestFile] | None


class NamedVersion(NamedTuple):
    model: str
    selector: str


def parse_versions(text: str) -> list[NamedVersion]:
    """`a/1,a/@production,b/latest`: what is to be compared.

    :raises InvalidInput: a part names no version, or there are too few or too many.
    """

    named = []
    for part in text.split(","):
        model, slash, selector = part.strip().rpartition("/")
        if not slash or not model or not selector:
            raise InvalidInput(
                f"'{part[:80]}' names no version. Write <model>/<selector>, such as fraud/7 or fraud/@production.",
                field="versions",
                source="query",
            )
        named.append(NamedVersion(model, selector))
    if not MIN_VERSIONS <= len(named) <= MAX_VERSIONS:
        raise InvalidInput(
            f"{len(named)} version(s) can't be compared. Name {MIN_VERSIONS} to {MAX_VERSIONS}, separated by commas.",
            field="versions",
            source="query",
        )
    return named


def compare(compared: Sequence[Compared], *, everything: bool = False) -> Comparison:
    """The versions side by side. `everything`: also the params, fields and files that don't differ."""

    described = [one.version.metadata for one in compared]
    params = _values([one.params for one in described])
    fields = _values([_fields(one) for one in described])
    return Comparison(
        versions=[_column(one) for one in compared],
        metrics=_metrics(described),
        params=[value for value in params if everything or value.differs],
        fields=[value for value in fields if everything or value.differs],
        replaceable=[compare_signatures(one.signature, described[0].signature) for one in described],
        files=_files([one.files for one in compared], everything=everything),
    )


def _column(one: Compared) -> ComparedVersion:
    version = one.version
    return ComparedVersion(
        model_name=version.model_name,
        number=version.number,
        digest=version.digest,
        status=version.status,
        stages=version.stages,
        aliases=version.aliases,
        checks=[
            ComparedCheck(name=c.name, status=c.status, summary=c.summary, reported_by=c.reported_by)
            for c in one.checks
        ],
        file_count=version.file_count,
        size=version.size,
        created_at=version.created_at,
        created_by=version.created_by,
        url=version.url,
    )


def _metrics(described: Sequence[Metadata]) -> list[ComparedMetric]:
    return [_metric(name, described) for name in _names(one.metrics for one in described)]


def _metric(name: str, described: Sequence[Metadata]) -> ComparedMetric:
    values = [one.metrics.get(name) for one in described]
    # A version that says nothing of it has no opinion; where nobody says anything, higher is better.
    said = {one.directions[name] for one in described if name in one.directions} or {Direction.HIGHER_IS_BETTER}
    direction = said.pop() if len(said) == 1 else None
    known = [value for value in values if value is not None]
    best = None if direction is None else max(known) if direction is Direction.HIGHER_IS_BETTER else min(known)
    return ComparedMetric(
        name=name,
        direction=direction,
        values=values,
        differences=[_difference(value, values[0]) for value in values],
        best=[at for at, value in enumerate(values) if value is not None and value == best],
    )


def _difference(value: float | None, first: float | None) -> float | None:
    if value is None or first is None:
        return None
    # As people read the figures: 0.91 - 0.9 is 0.01, which binary fractions make a little more.
    return float(Decimal(str(value)) - Decimal(str(first)))


def _fields(described: Metadata) -> dict[str, Any]:
    plain: dict[str, Any] = msgspec.to_builtins(described)
    own = {name: value for name, value in plain.items() if name not in _APART}
    return own | {f"extra.{name}": value for name, value in described.extra.items()}


def _values(described: Sequence[Mapping[str, Any]]) -> list[ComparedValue]:
    found = []
    for name in _names(described):
        values = [one.get(name) for one in described]
        # By what JSON tells apart: to Python, True is 1.
        found.append(ComparedValue(name=name, values=values, differs=len({canonical(value) for value in values}) > 1))
    return found


def _files(listed: Sequence[Sequence[ManifestFile] | None], *, everything: bool) -> FileComparison | None:
    manifests = [{file.path: file.digest for file in files} for files in listed if files is not None]
    if len(manifests) < len(listed):
        return None
    first = manifests[0]
    counts = [Counter[FileChange]() for _ in manifests]
    items: list[ComparedFile] = []
    left_out = 0
    for path in _names(manifests):
        digests = [manifest.get(path) for manifest in manifests]
        changes = [_change(digest, first.get(path)) for digest in digests]
        for count, change in zip(counts, changes, strict=True):
            count[change] += 1
        if everything or any(digest != digests[0] for digest in digests):
            if len(items) < MAX_PATHS:
                items.append(ComparedFile(path=path, digests=digests, changes=changes))
            else:
                left_out += 1
    told = [change for change in FileChange if change is not FileChange.ABSENT]
    return FileComparison(
        items=items, counts=[{change: count[change] for change in told} for count in counts], left_out=left_out
    )


def _change(digest: str | None, first: str | None) -> FileChange:
    if digest is None:
        return FileChange.ABSENT if first is None else FileChange.REMOVED
    if first is None:
        return FileChange.ADDED
    return FileChange.SAME if digest == first else FileChange.CHANGED


def _names(maps: Iterable[Mapping[str, object]]) -> list[str]:
    return sorted({name for one in maps for name in one})
