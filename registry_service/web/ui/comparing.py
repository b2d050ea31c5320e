"""Versions side by side, as a page and as a table for other programs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated, Final, NamedTuple

from litestar import Response, get
from litestar.di import NamedDependency
from litestar.params import FromQuery, QueryParameter
from markupsafe import Markup

from registry_service.db.queries.compare import compare_versions
from registry_service.db.view import View
from registry_service.domain.comparing import parse_versions
from registry_service.domain.entities import Comparison
from registry_service.domain.errors import Conflict, InvalidInput, NotFound
from registry_service.domain.permissions import Action
from registry_service.web.ui.charts import Axis, Subject, draw_course, draw_parallel, draw_scatter, numbers
from registry_service.web.ui.rendering import address
from registry_service.web.ui.spreadsheets import as_csv
from registry_service.web.ui.visit import Visit

Versions = Annotated[
    list[str] | None,
    QueryParameter(description="Versions, each by itself or several between commas.", max_length=16_000),
]
Everything = Annotated[bool, QueryParameter(description="Also what doesn't differ.")]
Name = Annotated[str | None, QueryParameter(description="What an axis of a chart shows.", max_length=600)]

_NARROW: Final = 560  # two charts beside each other


class Charts(NamedTuple):
    """`axes`: what can be drawn, by name. `across`, `up`: what the scatter shows. Each is None where there is nothing
    to draw."""

    axes: list[str]
    parallel: Markup | None
    across: str | None
    up: str | None
    scatter: Markup | None
    courses: list[Markup]


class Compared(NamedTuple):
    """`wanted`: as it was asked for. `refusal`: why nothing could be compared, in words."""

    wanted: str
    comparison: Comparison | None
    charts: Charts | None
    refusal: str | None

    @property
    def names(self) -> list[str]:
        assert self.comparison is not None
        return names_of(self.comparison)

    def first(self, turn: int) -> str:
        """What is asked for, with another one first: the others are then told relative to it."""
        names = self.wanted.split(",")
        return ",".join([names[turn], *names[:turn], *names[turn + 1 :]])

    def without(self, turn: int) -> str:
        names = self.wanted.split(",")
        return ",".join([*names[:turn], *names[turn + 1 :]])


def look_at_versions(
    view: View, versions: Sequence[str] | None, *, everything: bool, across: str | None, up: str | None
) -> Compared:
    wanted = _joined(versions)
    if not wanted:
        return Compared("", None, None, None)
    try:
        comparison = compare_versions(view, parse_versions(wanted), everything=everything)
    except (InvalidInput, NotFound, Conflict) as error:
        return Compared(wanted, None, None, error.message)
    return Compared(wanted, comparison, _charts(comparison, across, up), None)


def _joined(versions: Sequence[str] | None) -> str:
    return ",".join(name for text in versions or () for part in text.split(",") if (name := part.strip()))


def _charts(comparison: Comparison, across: str | None, up: str | None) -> Charts:
    subjects = [
        Subject(name, address("models", one.model_name, "versions", one.number))
        for name, one in zip(names_of(comparison), comparison.versions, strict=True)
    ]
    metrics = [Axis(metric.name, metric.values, metric.direction) for metric in comparison.metrics]
    params = [Axis(param.name, list(numbers(param.values))) for param in comparison.params if param.differs]
    by_name = {axis.name: axis for axis in (*params, *metrics) if axis.known()}
    names = sorted(by_name)
    chosen = [axis.name for axis in (*metrics, *params) if axis.name in by_name]
    x = across if across in by_name else chosen[0] if chosen else None
    y = up if up in by_name else next((name for name in chosen if name != x), None)
    return Charts(
        axes=names,
        parallel=draw_parallel(subjects, [*params[:3], *metrics]),
        across=x,
        up=y,
        scatter=draw_scatter(subjects, by_name[x], by_name[y]) if x and y else None,
        courses=[drawn for axis in metrics if (drawn := draw_course(subjects, axis, width=_NARROW))],
    )


def names_of(comparison: Comparison) -> list[str]:
    """What each version is called beside the others: without the model where that is one for all."""
    if len({one.model_name for one in comparison.versions}) == 1:
        return [f"version {one.number}" for one in comparison.versions]
    return comparison.headings()


@get("/compare", action=Action.VERSION_READ, include_in_schema=False)
async def compare_page(
    visit: NamedDependency[Visit],
    versions: FromQuery[Versions] = None,
    everything: FromQuery[Everything] = False,
    across: FromQuery[Name] = None,
    up: FromQuery[Name] = None,
) -> Response[str]:
    return await visit.page("compare.html", look_at_versions, versions, everything=everything, across=across, up=up)


@get("/compare.csv", action=Action.VERSION_READ, include_in_schema=False)
async def comparison_as_csv(
    visit: NamedDependency[Visit], versions: FromQuery[Versions] = None, everything: FromQuery[Everything] = False
) -> Response[str]:
    named = parse_versions(_joined(versions))
    comparison = await visit.look(compare_versions, named, everything=everything)
    return Response(
        as_csv(_rows(comparison)),
        media_type="text/csv",
        headers={"content-disposition": 'attachment; filename="comparison.csv"'},
    )


def _rows(comparison: Comparison) -> Iterator[list[object]]:
    """A row for each thing that is compared, a column for each version."""

    yield ["kind", "name", *comparison.headings()]
    yield ["version", "digest", *(one.digest for one in comparison.versions)]
    yield ["version", "created_at", *(one.created_at.isoformat() for one in comparison.versions)]
    yield ["version", "stages", *(", ".join(one.stages) for one in comparison.versions)]
    for metric in comparison.metrics:
        yield ["metric", metric.name, *metric.values]
    for kind, values in (("param", comparison.params), ("field", comparison.fields)):
        for value in values:
            yield [kind, value.name, *value.values]
    yield ["signature", "replaces the first", *(one.verdict.value for one in comparison.replaceable)]
    for file in () if comparison.files is None else comparison.files.items:
        yield ["file", file.path, *file.digests]
