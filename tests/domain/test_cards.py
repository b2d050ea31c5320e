from __future__ import annotations

import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry_service.domain.cards import (
    MAX_CARD_BYTES,
    MAX_CHANGES,
    MAX_FRONT_MATTER_BYTES,
    Card,
    Parts,
    check_card,
    check_front_matter,
    compare_cards,
    parts_of,
)
from registry_service.domain.entities import CardChange
from registry_service.domain.errors import InvalidCard, InvalidInput, TooLarge


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("# Card", (None, "# Card")),
        ("---\nlicense: mit\n---\n# Card", ("license: mit\n", "# Card")),
        ("\ufeff--- \r\nlicense: mit\r\n---\t\r\n# Card", ("license: mit\r\n", "# Card")),
        ("---\rtags: []\r---", (None, "---\rtags: []\r---")),
        ("---\n---", ("", "")),
        ("---\na: 1\n---", ("a: 1\n", "")),
        # These are text: neither stands alone on its line.
        ("---a\nb\n---\n", (None, "---a\nb\n---\n")),
        (" ---\na\n---\n", (None, " ---\na\n---\n")),
        ("---\na: |\n  ---\n---\nb", ("a: |\n  ---\n", "b")),
        ("---\na: ----\n---\n---\n", ("a: ----\n", "---\n")),
    ],
)
def test_front_matter_stands_between_two_lines_at_the_beginning(text: str, parts: tuple[str | None, str]) -> None:
    assert parts_of(text) == Parts(*parts)


def test_front_matter_that_does_not_end_is_refused() -> None:
    with pytest.raises(InvalidCard, match="no line --- ends it") as refusal:
        check_card("---\nlicense: mit\n# Card")
    assert refusal.value.details == {"line": 1}


def test_a_card_is_bounded_and_says_something() -> None:
    assert check_card("x" * MAX_CARD_BYTES).front_matter is None
    for text, refused in (
        ("é" * (MAX_CARD_BYTES // 2) + "x", TooLarge),
        (f"---\n#{'x' * MAX_FRONT_MATTER_BYTES}\n---\n", TooLarge),
        (" \n\t", InvalidCard),
        ("a\0", InvalidInput),
        ("\ud800", InvalidInput),
    ):
        with pytest.raises(refused):
            check_card(text)
    assert check_card(f"---\n#{'x' * (MAX_FRONT_MATTER_BYTES - 2)}\n---\n").front_matter is not None


def test_well_known_fields_hold_texts_and_others_anything() -> None:
    check_front_matter(
        {
            "license": "mit",
            "language": ["de", "fr"],
            "tags": [],
            "base_model": None,
            "library_name": "onnx",
            "limitations": None,
            "model-index": [{"results": [1, True]}],
            "co2_eq_emissions": 4.5,
        }
    )
    wrong: list[dict[str, Any]] = [
        {"license": 2.0},
        {"tags": [1]},
        {"tags": {"a": "b"}},
        {"datasets": [["a"]]},
        {"language": False},
        {"pipeline_tag": ["a"]},
        {"intended_use": 1},
    ]
    for fields in wrong:
        with pytest.raises(InvalidCard) as refusal:
            check_front_matter(fields)
        assert [refusal.value.details["field"]] == list(fields)


def changed(before: str, after: str) -> list[tuple[str, str]]:
    found = compare_cards(Card({}, before), Card({}, after))
    assert found.complete and not found.fields
    return [(one.heading, one.change) for one in found.sections]


def test_what_changed_is_told_by_section() -> None:
    before = "Intro.\n# Use\nA\n## Limits ##\nB\n# Data\nC\n"
    assert changed(before, before) == []
    assert changed(before, before.replace("\n", "  \r\n")) == []
    assert changed(before, "Intro!\n# Use\nA\n## Limits\nB\n# Metrics\nC\n") == [
        ("", "changed"),
        ("Metrics", "added"),
        ("Data", "removed"),
    ]
    assert changed("# Use", "Intro\n# Use") == [("", "added")]
    assert changed("Intro\n# Use", "# Use") == [("", "removed")]


def test_sections_of_one_heading_are_compared_in_their_order() -> None:
    assert changed("# A\n1\n# A\n2\n", "# A\n1\n# A\n3\n# A\n2\n") == [("A", "changed"), ("A", "added")]


def test_what_stands_in_a_fence_is_no_heading() -> None:
    before = "# Run\n```sh\n# first\nmake\n~~~\n````\n# After\n~~~~\n# in\n~~~\n# in too\n~~~~\n#\nend"
    assert changed(before, before.replace("make", "make all")) == [("Run", "changed")]
    assert changed(before, before.replace("# in too", "# in two")) == [("After", "changed")]
    assert changed(before, before.replace("end", "END")) == [("", "changed")]
    assert changed("# A\n``` sh\n# B", "# A\n``` sh\n# B\n``` x\n# C") == [("A", "changed")]
    assert changed("# " + "x" * 300, "") == [("x" * 200, "removed")]


def test_the_signs_that_close_a_heading_are_not_its_text() -> None:
    for text in ("# A #", "# A ## ", "#\tA\t##", "   # A   "):
        assert changed(text, "") == [("A", "removed")]
    assert changed("# A#\n## B \\#\n# C # D", "") == [("A#", "removed"), ("B \\#", "removed"), ("C # D", "removed")]
    for text in ("#", "# ##", "### ###", "# "):
        assert changed(text, "") == [("", "removed")]
    for text in ("#A", "####### A", "    # A"):
        assert changed(text, "# B") == [("B", "added"), ("", "removed")]


@pytest.mark.parametrize(
    "line",
    [
        "# a" + " " * (MAX_CARD_BYTES - 4) + "b",
        "#" + " #" * (MAX_CARD_BYTES // 2 - 1) + "b",
        "# a" + "\t#" * (MAX_CARD_BYTES // 2 - 3) + "b",
        "#" * MAX_CARD_BYTES,
        "`" * MAX_CARD_BYTES,
        "---" + " " * (MAX_CARD_BYTES - 4) + "b",
    ],
    ids=["spaces", "signs", "tabulators", "nothing but signs", "a fence", "no end of front matter"],
)
def test_the_longest_line_is_read_in_no_time(line: str) -> None:
    began = time.monotonic()
    compare_cards(Card({}, check_card(line).body), Card({}, ""))
    assert time.monotonic() - began < 1


def test_front_matter_is_not_text() -> None:
    assert changed("---\na: 1\n---\n# A\n", "---\na: 2\n---\n# A\n") == []


def test_what_changed_is_told_by_field() -> None:
    before, after = {"a": 1, "b": [1], "c": "x", "d": True}, {"e": None, "b": [True], "c": "x", "d": 1}
    found = compare_cards(Card(before, "# A"), Card(after, "# A"))
    assert [(one.name, one.change, one.before, one.after) for one in found.fields] == [
        ("e", CardChange.ADDED, None, None),
        ("b", CardChange.CHANGED, [1], [True]),
        ("d", CardChange.CHANGED, True, 1),
        ("a", CardChange.REMOVED, 1, None),
    ]
    assert found.sections == []


def test_of_many_changes_the_first_are_told() -> None:
    many = {f"f{number}": number for number in range(MAX_CHANGES + 1)}
    headings = "".join(f"# h{number}\n" for number in range(MAX_CHANGES + 1))
    for card in (Card(many, ""), Card({}, headings)):
        found = compare_cards(Card({}, ""), card)
        assert (len(found.fields) + len(found.sections), found.complete) == (MAX_CHANGES, False)


@given(st.text(st.sampled_from("#`~- \nab\r"), max_size=80), st.text(st.sampled_from("#`~- \nab\r"), max_size=80))
def test_what_changed_on_the_way_there_changed_on_the_way_back(one: str, other: str) -> None:
    try:
        same = compare_cards(Card({}, one), Card({}, one))
        there = compare_cards(Card({}, one), Card({}, other))
        back = compare_cards(Card({}, other), Card({}, one))
    except InvalidCard:
        return
    assert not same.sections
    opposite = {"added": "removed", "removed": "added", "changed": "changed"}
    assert sorted((change.heading, opposite[change.change]) for change in there.sections) == sorted(
        (change.heading, str(change.change)) for change in back.sections
    )
