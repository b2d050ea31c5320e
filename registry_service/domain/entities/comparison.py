"""Versions side by side. Every list of values has one for each version, in the order in which they were asked for;
whatever is relative is so to the first."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

import msgspec

from registry_service.domain.entities.answer import Answer
from registry_service.domain.entities.review import CheckStatus
from registry_service.domain.entities.signature import SignatureComparison
from registry_service.domain.entities.version import VersionStatus
from registry_service.domain.metadata import Direction
from registry_service.domain.notebook import Cell, Line, html_table


class ComparedCheck(Answer, frozen=True, kw_only=True):
    """The latest report of a check, whoever made it."""

    name: str
    status: CheckStatus
    summary: str
    reported_by: str


class ComparedVersion(Answer, frozen=True, kw_only=True):
    """One column. `stages` are those in which it is current now."""

    model_name: str
    number: int
    digest: str
    status: VersionStatus
    stages: list[str]
    aliases: list[str]
    checks: list[ComparedCheck]
    file_count: int
    size: int
    created_at: datetime
    created_by: str
    url: str


class ComparedMetric(Answer, frozen=True, kw_only=True):
    """`direction` None: the versions don't agree on it, so none is `best`. `best` are positions, counted from 0;
    `differences` are to the first version, in the metric's unit. None where a version lacks the metric."""

    name: str
    direction: Direction | None
    values: list[float | None]
    differences: list[float | None]
    best: list[int]


class ComparedValue(Answer, frozen=True, kw_only=True):
    """A param or a field of the metadata; None where a version lacks it."""

    name: str
    values: list[Any]
    differs: bool


class FileChange(StrEnum):
    SAME = "same"
    CHANGED = "changed"
    ADDED = "added"
    REMOVED = "removed"
    ABSENT = "absent"  # neither here nor in the first


class ComparedFile(Answer, frozen=True, kw_only=True):
    path: str
    digests: list[str | None]
    changes: list[FileChange]


class FileComparison(Answer, frozen=True, kw_only=True):
    """`counts` tells of each version how many files are the same, changed, added and removed. `left_out`: paths that
    aren't among `items`, which are at most 1,000."""

    items: list[ComparedFile]
    counts: list[dict[FileChange, int]]
    left_out: int


class Comparison(Answer, frozen=True, kw_only=True):
    """`replaceable` says of each version whether it can replace the first for callers, by their signatures. `files` is
    None where the versions have too many to compare in one answer (100,000 together)."""

    versions: list[ComparedVersion]
    metrics: list[ComparedMetric]
    params: list[ComparedValue]
    fields: list[ComparedValue]
    replaceable: list[SignatureComparison]
    files: FileComparison | None

    def headings(self) -> list[str]:
        """What stands above the columns of `lines`."""
        return [f"{one.model_name} {one.number}" for one in self.versions]

    def lines(self) -> list[Line]:
        """The comparison as a table for people: metrics, params, fields, signatures, files, stages, checks."""

        values = [*((f"param {value.name}", value) for value in self.params), *((one.name, one) for one in self.fields)]
        return [
            *(Line(metric.name, _figures(metric)) for metric in self.metrics),
            *(Line(name, [Cell(text_of_value(one)) for one in value.values]) for name, value in values),
            Line("replaces the first", [Cell(one.verdict) for one in self.replaceable]),
            *(Line(f"file {file.path}", [Cell(one) for one in file.changes]) for file in _items(self.files)),
            Line("current in", [Cell(", ".join(one.stages)) for one in self.versions]),
            Line("checks", [Cell(", ".join(f"{c.name} {c.status}" for c in one.checks)) for one in self.versions]),
        ]

    def _repr_html_(self) -> str:
        """What a notebook shows."""
        return html_table(self.headings(), self.lines())


def _figures(metric: ComparedMetric) -> list[Cell]:
    cells = []
    for at, (value, difference) in enumerate(zip(metric.values, metric.differences, strict=True)):
        text = "" if value is None else f"{value:g}"
        if at and difference is not None:
            text += f" ({difference:+g})"
        cells.append(Cell(text, best=at in metric.best))
    return cells


def _items(files: FileComparison | None) -> list[ComparedFile]:
    return [] if files is None else files.items


def text_of_value(value: object) -> str:
    """A param or a field as text: text as it is, all else as JSON."""

    if value is None:
        return ""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
