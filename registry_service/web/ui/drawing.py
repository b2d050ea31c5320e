"""Drawings in SVG, made here: no script, no style of their own, and a table beside each says the same."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Final, NamedTuple

from markupsafe import Markup

from registry_service.domain.entities import LineageGraph, LineageNode, StageRecord
from registry_service.domain.entities.lineage import NodeKind
from registry_service.domain.wording import moment, printable
from registry_service.web.ui.rendering import address

_WIDTH: Final = 190
_HEIGHT: Final = 38
_GAP_X: Final = 56
_GAP_Y: Final = 14
_SHOWN: Final = 40
_LETTERS: Final = 24


def in_frame(label: str, drawn: Markup) -> Markup:
    """The drawing in a frame that is narrower than it on a narrow screen: the keyboard moves it as well."""
    frame = Markup('<div class="drawing" tabindex="0" role="region" aria-label="{}">{}</div>')
    return frame.format(printable(label), drawn)


class _Place(NamedTuple):
    x: int
    y: int


def draw_history(records: Mapping[str, Sequence[StageRecord]], now: datetime) -> Markup | None:
    """What was current in each stage over time, a line for each stage; None where nothing ever was. The newest first in
    each list, as a history comes."""

    spells = [spell for stage, of in records.items() for spell in _spells(stage, of, now)]
    if not spells:
        return None
    begin = min(spell.since for spell in spells)
    length = max((now - begin).total_seconds(), 1.0)
    names = list(records)

    def across(at: datetime) -> int:
        return _NAMES + round((at - begin).total_seconds() / length * (_ACROSS - _NAMES))

    bars = Markup("").join(
        _bar(spell, across(spell.since), across(spell.until), names.index(spell.stage)) for spell in spells
    )
    labels = Markup("").join(
        Markup('<text x="0" y="{}">{}</text>').format(row * _LINE + 20, printable(name))
        for row, name in enumerate(names)
    )
    below = len(names) * _LINE + 6
    drawn = Markup(
        '<svg role="img" aria-label="What was current in each stage over time; the table says the same"'
        ' viewBox="0 0 {w} {h}" width="{w}" height="{h}">{labels}{bars}'
        '<line class="axis" x1="{left}" y1="{below}" x2="{w}" y2="{below}"/><text x="{left}" y="{text}">{begin}</text>'
        '<text x="{w}" y="{text}" text-anchor="end">{now}</text></svg>'
    ).format(
        w=_ACROSS,
        h=below + 22,
        labels=labels,
        bars=bars,
        left=_NAMES,
        below=below,
        text=below + 17,
        begin=moment(begin),
        now=moment(now),
    )
    return in_frame("Drawing of the stages over time", drawn)


_ACROSS: Final = 1000
_NAMES: Final = 110
_LINE: Final = 34


class _Spell(NamedTuple):
    stage: str
    version: int
    since: datetime
    until: datetime
    by: str


def _spells(stage: str, records: Sequence[StageRecord], now: datetime) -> Iterator[_Spell]:
    until = now
    for record in records:
        if record.version is not None:
            yield _Spell(stage, record.version, record.at, until, record.by)
        until = record.at


def _bar(spell: _Spell, left: int, right: int, row: int) -> Markup:
    width = max(right - left, 3)
    words = Markup("<title>{}: version {} from {} to {}, by {}</title>").format(
        spell.stage, spell.version, moment(spell.since), moment(spell.until), spell.by
    )
    label = ""
    if width >= 8 + 8 * len(str(spell.version)):
        label = Markup('<text x="{}" y="{}">{}</text>').format(left + 6, row * _LINE + 20, spell.version)
    return Markup(
        '<g>{words}<rect class="spell spell-{turn}" x="{x}" y="{y}" width="{w}" height="26" rx="4"/>{label}</g>'
    ).format(words=words, turn=spell.version % 2, x=left, y=row * _LINE + 2, w=width, label=label)


def draw_lineage(graph: LineageGraph) -> Markup:
    """What made a version to its left, what was made of it to its right; the nearest nodes where there are many."""

    columns = _columns(graph)
    by_column: dict[int, list[LineageNode]] = defaultdict(list)
    for node in sorted(graph.nodes, key=lambda node: node.distance)[:_SHOWN]:
        by_column[columns.get(node.id, 0)].append(node)
    first = min(by_column)
    tallest = max(len(nodes) for nodes in by_column.values())
    places: dict[str, _Place] = {}
    for column, nodes in by_column.items():
        above = (tallest - len(nodes)) * (_HEIGHT + _GAP_Y) // 2
        for row, node in enumerate(nodes):
            places[node.id] = _Place((column - first) * (_WIDTH + _GAP_X) + 2, above + row * (_HEIGHT + _GAP_Y) + 2)
    width = (max(by_column) - first + 1) * (_WIDTH + _GAP_X) - _GAP_X + 4
    height = tallest * (_HEIGHT + _GAP_Y) - _GAP_Y + 4
    lines = Markup("").join(
        _line(places[link.source], places[link.target])
        for link in graph.links
        if link.source in places and link.target in places
    )
    boxes = Markup("").join(
        _box(node, places[node.id], is_root=node.id == graph.root) for node in graph.nodes if node.id in places
    )
    drawn = Markup(
        '<svg role="group" aria-label="Lineage; the table below says the same"'
        ' viewBox="0 0 {w} {h}" width="{w}" height="{h}">{lines}{boxes}</svg>'
    ).format(w=width, h=height, lines=lines, boxes=boxes)
    return in_frame("Drawing of the lineage", drawn)


def _columns(graph: LineageGraph) -> dict[str, int]:
    """How many steps each node stands to the left (what made it) or right of the root."""

    found = {graph.root: 0}
    made_of, made_into = defaultdict[str, list[str]](list), defaultdict[str, list[str]](list)
    for link in graph.links:
        made_of[link.target].append(link.source)
        made_into[link.source].append(link.target)
    for sign, onward in ((-1, made_of), (1, made_into)):
        frontier = [graph.root]
        step = 0
        while frontier:
            step += 1
            frontier = [end for start in frontier for end in onward[start] if end not in found]
            found |= dict.fromkeys(frontier, sign * step)
    return found


def _line(start: _Place, end: _Place) -> Markup:
    x1, y1, x2, y2 = start.x + _WIDTH, start.y + _HEIGHT // 2, end.x, end.y + _HEIGHT // 2
    bend = max((x2 - x1) // 2, 20)
    return Markup('<path class="link" d="M{} {}C{} {} {} {} {} {}"/>').format(
        x1, y1, x1 + bend, y1, x2 - bend, y2, x2, y2
    )


def _box(node: LineageNode, place: _Place, *, is_root: bool) -> Markup:
    words = "not in your sight" if node.kind is NodeKind.HIDDEN else printable(node.ref or node.kind)
    short = words if len(words) <= _LETTERS else f"…{words[1 - _LETTERS :]}"
    box = Markup(
        '<g class="node node-{kind}{root}"><title>{kind_words} {words}</title>'
        '<rect x="{x}" y="{y}" width="{w}" height="{h}" rx="7"/>'
        '<text class="what" x="{tx}" y="{y1}">{kind_words}</text><text x="{tx}" y="{y2}">{short}</text></g>'
    ).format(
        kind=node.kind.value,
        kind_words=node.kind.replace("_", " "),
        root=" root" if is_root else "",
        words=words,
        short=short,
        x=place.x,
        y=place.y,
        w=_WIDTH,
        h=_HEIGHT,
        tx=place.x + 10,
        y1=place.y + 14,
        y2=place.y + 30,
    )
    if node.kind is NodeKind.VERSION and not is_root:
        assert node.model_name is not None
        assert node.version is not None
        return Markup('<a href="{}">{}</a>').format(address("models", node.model_name, "versions", node.version), box)
    return box
