from __future__ import annotations

import re
import sys
from itertools import pairwise
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup

from registry_service.domain.metadata import Direction
from registry_service.web.ui.charts import (
    MAX_AXES,
    Axis,
    Subject,
    draw_course,
    draw_parallel,
    draw_scatter,
    numbers,
)

VALUES = st.lists(st.none() | st.floats(allow_nan=False, allow_infinity=False), min_size=2, max_size=20)
HIGHER, LOWER = Direction.HIGHER_IS_BETTER, Direction.LOWER_IS_BETTER


def subjects(count: int) -> list[Subject]:
    return [Subject(f"version {number}", f"/models/m/versions/{number}") for number in range(1, count + 1)]


def parsed(drawn: Markup | None) -> ET.Element:
    assert drawn is not None
    return ET.fromstring(drawn)


def heights(drawn: Markup | None, tag: str = "circle") -> list[int]:
    return [int(one.attrib["cy"]) for one in parsed(drawn).iter(tag)]


def test_the_better_end_is_on_top_whichever_it_is() -> None:
    values = [0.1, 0.5, 0.9]
    upwards = heights(draw_course(subjects(3), Axis("auc", values, HIGHER)))
    downwards = heights(draw_course(subjects(3), Axis("loss", values, LOWER)))
    nobody_knows = heights(draw_course(subjects(3), Axis("odd", values)))
    assert upwards[0] > upwards[1] > upwards[2]
    assert downwards == upwards[::-1]
    assert nobody_knows == upwards


def test_the_middle_is_halfway_and_what_is_all_the_same_stands_there() -> None:
    low, middle, high = heights(draw_course(subjects(3), Axis("auc", [1.0, 2.0, 3.0], HIGHER)))
    assert middle * 2 == low + high
    assert set(heights(draw_course(subjects(2), Axis("auc", [5.0, 5.0])))) == {middle}


def test_a_version_that_lacks_a_figure_is_left_out_of_its_line() -> None:
    drawn = parsed(draw_parallel(subjects(2), [Axis("a", [1.0, 2.0]), Axis("b", [None, 3.0]), Axis("c", [4.0, 1.0])]))
    first, second = (one for one in drawn.iter() if "series" in one.get("class", ""))
    assert len(list(first.iter("circle"))) == 2
    assert len(list(second.iter("circle"))) == 3
    assert first.get("aria-label") == "version 1: a 1, b none, c 4"


@pytest.mark.parametrize(
    "drawn",
    [
        draw_parallel(subjects(2), [Axis("a", [1.0, 2.0])]),
        draw_parallel(subjects(2), [Axis("a", [1.0, 2.0]), Axis("b", [None, None])]),
        draw_scatter(subjects(2), Axis("a", [1.0, None]), Axis("b", [None, 1.0])),
        draw_course(subjects(2), Axis("a", [None, 1.0])),
    ],
)
def test_what_says_nothing_is_not_drawn(drawn: Markup | None) -> None:
    assert drawn is None


def test_no_more_axes_than_can_be_told_apart() -> None:
    drawn = draw_parallel(subjects(2), [Axis(f"m{turn}", [1.0, 2.0]) for turn in range(30)])
    assert len(re.findall("class=.axis.", drawn or "")) == MAX_AXES


def test_labels_of_a_full_selection_lie_beside_each_other_and_inside() -> None:
    drawn = parsed(draw_parallel(subjects(20), [Axis("a", [1.0] * 20), Axis("b", [2.0] * 20)]))
    height = int(drawn[0].attrib["viewBox"].split()[3])
    at = sorted(int(text.attrib["y"]) for one in drawn.iter("a") for text in one.iter("text"))
    assert len(at) == 20
    assert all(after - before >= 12 for before, after in pairwise(at))
    assert at[-1] <= height


@given(VALUES, VALUES)
def test_any_figures_make_a_drawing_that_stays_inside(across: list[float | None], up: list[float | None]) -> None:
    count = min(len(across), len(up))
    one, other = Axis("a", across[:count], LOWER), Axis("b", up[:count])
    for drawn in (
        draw_parallel(subjects(count), [one, other]),
        draw_scatter(subjects(count), one, other) if one.known() and other.known() else None,
        draw_course(subjects(count), one),
    ):
        if drawn is None:
            continue
        whole = parsed(drawn)
        width, height = map(int, whole[0].attrib["viewBox"].split()[2:])
        for circle in whole.iter("circle"):
            assert 0 <= int(circle.attrib["cx"]) <= width
            assert 0 <= int(circle.attrib["cy"]) <= height


def test_the_largest_figures_can_be_told_apart() -> None:
    top = sys.float_info.max
    assert heights(draw_course(subjects(3), Axis("a", [-top, 0.0, top]))) == [304, 174, 44]


def test_names_are_only_text() -> None:
    hostile = '<script>&"\u202e'
    drawn = draw_course([Subject(hostile, "/?a=<&>")] * 2, Axis(hostile, [1.0, 2.0]), marked=[hostile, None])
    text = "".join(parsed(drawn).itertext())
    assert hostile[:9] in text
    assert "\u202e" not in text


def test_only_figures_are_numbers() -> None:
    assert list(numbers([1, 2.5, True, "3", None])) == [1.0, 2.5, None, None, None]
