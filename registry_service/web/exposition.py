"""The text that Prometheus scrapes (https://prometheus.io/docs/instrumenting/exposition_formats/, version 0.0.4).

A few lines of our own in place of prometheus-client: its counters take a lock and a look-up by label values on each
request, which the hot reads would feel; here one event loop counts, and only a scrape makes text of it. The tests read
the text with that library's parser.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final, Literal, NamedTuple

MEDIA_TYPE: Final = "text/plain; version=0.0.4"

Labels = Mapping[str, str]


class Sample(NamedTuple):
    """One line: `suffix` comes behind the family's name, as histograms want it."""

    labels: Labels
    value: float
    suffix: str = ""


class Family(NamedTuple):
    """All samples of one name."""

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    help: str
    samples: list[Sample]


def single(name: str, kind: Literal["counter", "gauge"], about: str, value: float) -> Family:
    return Family(name, kind, about, [Sample({}, value)])


def histogram(labels: Labels, bounds: Iterable[float], counts: Iterable[int], total: float) -> Iterator[Sample]:
    """The samples of one histogram: `counts` of what is at most each bound and above the one before it, and, last, of
    what is above them all."""

    reached = 0
    for bound, count in zip([*map(_number, bounds), "+Inf"], counts, strict=True):
        reached += count
        yield Sample({**labels, "le": bound}, reached, "_bucket")
    yield Sample(labels, total, "_sum")
    yield Sample(labels, reached, "_count")


def exposition(families: Iterable[Family]) -> bytes:
    return "".join(line for family in families for line in _lines(family)).encode()


def _lines(family: Family) -> Iterator[str]:
    yield f"# HELP {family.name} {family.help}\n# TYPE {family.name} {family.kind}\n"
    for labels, value, suffix in family.samples:
        shown = ",".join(f'{name}="{_escaped(text)}"' for name, text in labels.items())
        yield f"{family.name}{suffix}{f'{{{shown}}}' if shown else ''} {_number(value)}\n"


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else repr(value)


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
