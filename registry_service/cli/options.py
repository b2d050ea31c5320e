"""Options and arguments that several commands take."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, TypeVar

import click
import msgspec

from registry_service.cli import completing
from registry_service.cli.endings import Stopped
from registry_service.domain.entities import LineageKind
from registry_service.domain.expressions.moments import is_relative, moment
from registry_service.domain.metadata import FieldType
from registry_service.domain.requests import NewLineageEdge
from registry_service.domain.strictness import UNDECODABLE, decode_strictly

T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., Any])

_SPAN: Final = re.compile(r"(\d+)([smhd])")
_RATE: Final = re.compile(r"(\d{1,6})([kMG])B/s")
_FACTORS: Final = {"k": 1000, "M": 1000**2, "G": 1000**3}
_UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}

MAX_PAGE: Final = 200


class Moment(click.ParamType[datetime]):
    """A point in time: ISO 8601, in the zone of this machine where it names none; or as filters write it, `now-7d`.
    `future`: also `2h` or `3d` from now."""

    name = "time"

    def __init__(self, *, future: bool = False) -> None:
        self._future = future

    def convert(self, value: str | datetime, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        if isinstance(value, datetime):
            return value
        span = _SPAN.fullmatch(value) if self._future else None
        if span is not None:
            return datetime.now(UTC) + timedelta(**{_UNITS[span[2]]: int(span[1])})
        try:
            if is_relative(value):
                return moment(value, datetime.now(UTC))
            return datetime.fromisoformat(value).astimezone()
        except ValueError:
            forms = "2026-03-03T14:00, 2026-03-03T14:00+01:00, now-7d" + (", 2h or 3d" if self._future else "")
            self.fail(f"'{value}' is no time. Write it such as {forms}.", param, ctx)


class Span(click.ParamType[int]):
    """A length of time in seconds: `90s`, `15m`, `24h`, `7d`."""

    name = "span"

    def convert(self, value: str | int, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if isinstance(value, int):
            return value
        span = _SPAN.fullmatch(value)
        if span is None:
            self.fail(f"'{value}' is no length of time. Write it such as 90s, 15m, 24h or 7d.", param, ctx)
        return round(timedelta(**{_UNITS[span[2]]: int(span[1])}).total_seconds())


class Rate(click.ParamType[int]):
    """Bytes per second: `100MB/s`, `1GB/s`."""

    name = "rate"

    def convert(self, value: str | int, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if isinstance(value, int):
            return value
        rate = _RATE.fullmatch(value)
        if rate is None or not int(rate[1]):
            self.fail(f"'{value}' is no rate. Write it such as 500kB/s, 100MB/s or 1GB/s.", param, ctx)
        return int(rate[1]) * _FACTORS[rate[2]]


class Pair(click.ParamType[tuple[str, str]]):
    """`key=value`."""

    name = "key=value"

    def convert(
        self, value: str | tuple[str, str], param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, str]:
        if isinstance(value, tuple):
            return value
        key, equals, text = value.partition("=")
        if not key or not equals:
            self.fail(f"'{value}' is no key=value.", param, ctx)
        return key, text


class Edge(click.ParamType[NewLineageEdge]):
    """`kind=ref`, what a version was made from."""

    name = "kind=ref"

    def convert(
        self, value: str | NewLineageEdge, param: click.Parameter | None, ctx: click.Context | None
    ) -> NewLineageEdge:
        if isinstance(value, NewLineageEdge):
            return value
        kind, ref = Pair().convert(value, param, ctx)
        if kind not in set(LineageKind):
            self.fail(f"'{kind}' is no kind of lineage. Kinds are {', '.join(LineageKind)}.", param, ctx)
        return NewLineageEdge(kind=LineageKind(kind), ref=ref)


class Reference(click.ParamType[tuple[str, str]]):
    """`model/selector`: one version, such as `fraud/@production`."""

    name = "model/selector"

    def convert(
        self, value: str | tuple[str, str], param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, str]:
        if isinstance(value, tuple):
            return value
        model, _, selector = value.partition("/")
        if not model or not selector:
            self.fail(f"'{value}' names no version. Write it such as fraud/7 or fraud/@production.", param, ctx)
        return model, selector


class Measure(click.ParamType[tuple[str, float]]):
    """`key=number`."""

    name = "key=number"

    def convert(
        self, value: str | tuple[str, float], param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, float]:
        if isinstance(value, tuple):
            return value
        key, text = Pair().convert(value, param, ctx)
        try:
            return key, float(text)
        except ValueError:
            self.fail(f"'{text}' is no number.", param, ctx)


class Field(click.ParamType[tuple[str, FieldType]]):
    """`key:type`, a field of metadata and what it holds."""

    name = "key:type"

    def convert(
        self, value: str | tuple[str, FieldType], param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, FieldType]:
        if isinstance(value, tuple):
            return value
        key, _, kind = value.rpartition(":")
        if not key or kind not in set(FieldType):
            kinds = ", ".join(FieldType)
            self.fail(f"'{value}' is no key:type. Write it such as metrics.auc:number; types are {kinds}.", param, ctx)
        return key, FieldType(kind)


def scalar(text: str) -> str | int | float | bool:
    """A parameter's value as it is meant: `7`, `0.5`, `true`, and all else as text."""

    try:
        return msgspec.json.decode(text, type=str | int | float | bool)
    except msgspec.DecodeError:
        return text


def given(value: T | None) -> T | msgspec.UnsetType:
    """What an update sends: nothing where nothing is given."""
    return msgspec.UNSET if value is None else value


def read_json(file: Path, kind: type[T]) -> T:
    """:raises Stopped: the file isn't JSON of this kind, or has a field that it doesn't, or one twice; says where."""

    try:
        text = sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
        return decode_strictly(text, kind)
    except (*UNDECODABLE, OSError) as error:
        raise Stopped("file_failed", f"{file} can't be used: {error}") from error


JSON_FILE: Final = click.Path(path_type=Path, exists=True, dir_okay=False, allow_dash=True)

model = click.argument("model", shell_complete=completing.models)
selector = click.argument("selector", shell_complete=completing.selectors)
version = click.argument("version", type=Reference(), metavar="MODEL/SELECTOR", shell_complete=completing.references)
stage = click.argument("stage", shell_complete=completing.stages)
promotion = click.argument("promotion", shell_complete=completing.promotions)
alias = click.argument("alias", shell_complete=completing.aliases)
reason = click.option("--reason", required=True, help="Why: it stays in the history.")
people = click.option(
    "--person",
    "people",
    multiple=True,
    shell_complete=completing.people,
    help="Somebody who took part, and so can't review; may be given again.",
)
yes = click.option("--yes", is_flag=True, help="Don't ask.")


def listing(function: F) -> F:
    """`--filter`, `--order-by` and `--limit` of a list."""

    for option in (
        click.option("--limit", type=click.IntRange(1), default=50, show_default=True, help="Show at most so many."),
        click.option("--order-by", metavar="NAME [desc]", help="Order, such as 'created_at desc'."),
        click.option("--filter", "where", metavar="EXPRESSION", help="Show what matches, such as \"tags.team = 'a'\"."),
    ):
        function = option(function)
    return function


def paging(where: str | None, order_by: str | None, limit: int) -> dict[str, Any]:
    """What a list call takes; one item more than is shown, to know whether there are more."""
    return {"filter": where, "order_by": order_by, "limit": min(limit + 1, MAX_PAGE)}


kinds = click.option("--kind", "kinds", multiple=True, help="Such as promotion.approved or 'promotion.*'.")
