"""Charts in SVG, made here: no script, no style of their own; each names the table that says the same."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from markupsafe import Markup

from registry_service.domain.metadata import Direction
from registry_service.domain.wording import printable
from registry_service.web.ui.drawing import in_frame
from registry_service.web.ui.rendering import figure

MAX_AXES: Final = 8

_ACROSS: Final = 1000
_ABOVE: Final = 44
_TALL: Final = 260
_LEFT: Final = 60
_RIGHT: Final = 150
_LABEL_GAP: Final = 13
_SHADES: Final = 6
_LETTERS: Final = 20
_LETTER: Final = 7


class Subject(NamedTuple):
    """Whom a line or a point is of: what it is called, and its page."""

    label: str
    href: str


class Axis(NamedTuple):
    """What is measured of each subject; None where one lacks it. The better end is on top or to the right where
    `direction` says which that is."""

    name: str
    values: Sequence[float | None]
    direction: Direction | None = None

    def known(self) -> list[float]:
        return [value for value in self.values if value is not None]

    def ends(self) -> tuple[float, float]:
        """The worse end and the better one."""
        low, high = min(self.known()), max(self.known())
        return (high, low) if self.direction is Direction.LOWER_IS_BETTER else (low, high)

    def share(self, value: float) -> float:
        """How far towards the better end; in the middle where all are the same."""
        worse, better = self.ends()
        # Halved, so that the distance of two floats is one itself.
        whole = better / 2 - worse / 2
        return 0.5 if whole == 0 else (value / 2 - worse / 2) / whole


def draw_parallel(subjects: Sequence[Subject], axes: Sequence[Axis]) -> Markup | None:
    """A line for each subject through what was measured of it; None where there is nothing to cross."""

    shown = [axis for axis in axes if axis.known()][:MAX_AXES]
    if len(shown) < 2:
        return None
    step = (_ACROSS - _LEFT - _RIGHT) / (len(shown) - 1)
    at = [round(_LEFT + turn * step) for turn in range(len(shown))]
    lines, ends = [], []
    for turn, subject in enumerate(subjects):
        points = [
            (x, _height(axis.share(value)))
            for x, axis in zip(at, shown, strict=True)
            if (value := axis.values[turn]) is not None
        ]
        told = ", ".join(f"{axis.name} {figure(axis.values[turn]) or 'none'}" for axis in shown)
        lines.append((turn, subject, told, points))
        ends.append(points[-1][1] if points else _TALL)
    heights = _apart(ends)
    return _drawing(
        f"{len(subjects)} versions across {', '.join(axis.name for axis in shown)}; the tables say the same",
        _ABOVE + _TALL + 26,
        Markup("").join(_scale(x, axis) for x, axis in zip(at, shown, strict=True)),
        Markup("").join(
            _line(turn, subject, told, points, label=(_ACROSS - _RIGHT + 14, heights[turn]))
            for turn, subject, told, points in lines
        ),
    )


def draw_scatter(subjects: Sequence[Subject], across: Axis, up: Axis) -> Markup | None:
    """A point for each subject that has both; None where none has."""

    points = [
        (turn, round(_LEFT + across.share(x) * (_ACROSS - _LEFT - _RIGHT)), _height(up.share(y)), x, y)
        for turn, (x, y) in enumerate(zip(across.values, up.values, strict=True))
        if x is not None and y is not None
    ]
    if not points:
        return None
    base, right = _ABOVE + _TALL, _ACROSS - _RIGHT
    worse, better = across.ends()
    words = Markup('<text class="scale" x="{x}" y="{y}" text-anchor="{anchor}">{text}</text>')
    frame = Markup('<path class="axis" d="M{l} {t}V{b}H{r}"/>{up}{low}{high}').format(
        l=_LEFT - 12, t=_ABOVE - 6, b=base + 8, r=right + 12,
        up=_side(up),
        low=words.format(x=_LEFT, y=base + 24, anchor="start", text=figure(worse)),
        high=words.format(x=right, y=base + 24, anchor="end", text=f"{figure(better)} {_short(across.name)} →"),
    )  # fmt: skip
    dots = Markup("").join(
        _link(
            subjects[turn], f"{across.name} {figure(x)}, {up.name} {figure(y)}", turn, _dot(left, top, subjects[turn])
        )
        for turn, left, top, x, y in points
    )
    label = f"{up.name} over {across.name} of {len(points)} versions; the tables say the same"
    return _drawing(label, base + 32, frame, dots)


def draw_course(
    subjects: Sequence[Subject], axis: Axis, *, marked: Sequence[str | None] = (), width: int = _ACROSS
) -> Markup | None:
    """One figure from version to version, in their order; those that are `marked` say so. None where fewer than two
    have it."""

    if len(axis.known()) < 2:
        return None
    step = (width - 2 * _LEFT) / max(len(subjects) - 1, 1)
    marks = [*marked, *[None] * (len(subjects) - len(marked))]
    places = [
        (turn, round(_LEFT + turn * step), _height(axis.share(value)), value)
        for turn, value in enumerate(axis.values)
        if value is not None
    ]
    path = "".join(f"{'M' if turn == 0 else 'L'}{x} {y}" for turn, (_, x, y, _) in enumerate(places))
    room = max(len(_short(subject.label)) for subject in subjects) * _LETTER + _LETTER
    every = -(-len(places) * room // width)
    dots = []
    for order, (turn, x, y, value) in enumerate(places):
        mark = marks[turn]
        drawn = _dot(x, y, None, large=mark is not None)
        if mark is not None:
            drawn += Markup('<text x="{}" y="{}" text-anchor="middle">{}</text>').format(x, y - 12, _short(mark))
        if order % every == 0 or order == len(places) - 1:
            drawn += Markup('<text class="scale" x="{}" y="{}" text-anchor="middle">{}</text>').format(
                x, _ABOVE + _TALL + 24, _short(subjects[turn].label)
            )
        dots.append(_link(subjects[turn], f"{axis.name} {figure(value)}{f', {mark}' if mark else ''}", 0, drawn))
    return _drawing(
        f"{axis.name} of {len(places)} versions; the table says the same",
        _ABOVE + _TALL + 32,
        _side(axis),
        Markup('<path class="axis" d="M{} {}V{}"/>').format(_LEFT - 12, _ABOVE - 6, _ABOVE + _TALL + 6),
        Markup('<path class="course" d="{}"/>').format(path),
        Markup("").join(dots),
        width=width,
    )


def _height(share: float) -> int:
    return round(_ABOVE + (1 - share) * _TALL)


def _apart(heights: Sequence[int]) -> list[int]:
    """The heights, moved as little as keeps labels from lying on each other."""

    placed = [0] * len(heights)
    before = _ABOVE - _LABEL_GAP
    room = _ABOVE + _TALL + 20
    order = sorted(range(len(heights)), key=lambda turn: heights[turn])
    for rank, turn in enumerate(order):
        latest = room - (len(order) - 1 - rank) * _LABEL_GAP
        placed[turn] = before = max(before + _LABEL_GAP, min(heights[turn], latest))
    return placed


def _scale(x: int, axis: Axis) -> Markup:
    """An axis among others, with its ends above and below."""
    worse, better = axis.ends()
    return Markup(
        '<g><title>{title}</title><path class="axis" d="M{x} {top}V{base}"/>'
        '<text class="name" x="{x}" y="16" text-anchor="middle">{name}</text>'
        '<text class="scale" x="{x}" y="32" text-anchor="middle">{better}</text>'
        '<text class="scale" x="{x}" y="{below}" text-anchor="middle">{worse}</text></g>'
    ).format(
        title=_title(axis),
        name=_named(axis),
        x=x,
        top=_ABOVE - 6,
        base=_ABOVE + _TALL + 6,
        better=figure(better),
        worse=figure(worse) if worse != better else "",
        below=_ABOVE + _TALL + 22,
    )


def _side(axis: Axis) -> Markup:
    """What stands to the left of an axis that has the drawing for itself."""
    worse, better = axis.ends()
    return Markup(
        '<g><title>{title}</title><text class="name" x="{x}" y="16">{name}</text>'
        '<text class="scale" x="{x}" y="{top}" text-anchor="end">{better}</text>'
        '<text class="scale" x="{x}" y="{base}" text-anchor="end">{worse}</text></g>'
    ).format(
        title=_title(axis),
        name=_named(axis),
        x=_LEFT - 18,
        top=_ABOVE + 4 if worse != better else _height(0.5) + 4,
        better=figure(better),
        worse=figure(worse) if worse != better else "",
        base=_ABOVE + _TALL + 4,
    )


def _named(axis: Axis) -> str:
    arrow = "" if axis.direction is None else " ↑" if axis.direction is Direction.HIGHER_IS_BETTER else " ↓"
    return f"{_short(axis.name)}{arrow}"


def _title(axis: Axis) -> str:
    return printable(axis.name) + (f", {axis.direction.value.replace('_', ' ')}" if axis.direction else "")


def _line(
    turn: int, subject: Subject, told: str, points: Sequence[tuple[int, int]], *, label: tuple[int, int]
) -> Markup:
    path = "".join(f"{'L' if index else 'M'}{x} {y}" for index, (x, y) in enumerate(points))
    dots = Markup("").join(Markup('<circle cx="{}" cy="{}" r="3.5"/>').format(x, y) for x, y in points)
    x, y = label
    drawn = Markup('<path d="{}"/>{}<text x="{}" y="{}">{}</text>').format(path, dots, x, y + 4, _short(subject.label))
    return _link(subject, told, turn, drawn)


def _dot(x: int, y: int, named: Subject | None, *, large: bool = False) -> Markup:
    dot = Markup('<circle cx="{}" cy="{}" r="{}"/>').format(x, y, 7 if large else 5)
    if named is None:
        return dot
    return dot + Markup('<text x="{}" y="{}">{}</text>').format(x + 10, y + 4, _short(named.label))


def _link(subject: Subject, told: str, turn: int, drawn: Markup) -> Markup:
    return Markup(
        '<a class="series shade-{shade} dash-{dash}" href="{href}" aria-label="{label}: {told}">'
        "<title>{label}: {told}</title>{drawn}</a>"
    ).format(
        shade=turn % _SHADES,
        dash=turn // _SHADES,
        href=subject.href,
        label=printable(subject.label),
        told=printable(told),
        drawn=drawn,
    )


def _short(text: str) -> str:
    clean = printable(text)
    return clean if len(clean) <= _LETTERS else f"{clean[: _LETTERS - 1]}…"


def _drawing(label: str, height: int, *parts: Markup, width: int = _ACROSS) -> Markup:
    size = "chart" if width == _ACROSS else "chart small"
    return in_frame(
        label,
        Markup('<svg class="{size}" viewBox="0 0 {w} {h}">{parts}</svg>').format(
            size=size, w=width, h=height, parts=Markup("").join(parts)
        ),
    )


def numbers(values: Sequence[object]) -> Iterator[float | None]:
    """Those of the values that are figures; a truth value is none."""
    for value in values:
        yield float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
