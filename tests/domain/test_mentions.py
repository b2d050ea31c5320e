from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry_service.domain.mentions import Mentions, mentions_in, possible_names

PEOPLE = ("ada", "ben.k", "c", "ro_bot$", "risk", "x@y.org", "_")
GROUPS = ("ops", "risk", "risk team", "ben")

CASES = [
    ("", (), ()),
    ("ask ada", (), ()),
    ("@ada", ("ada",), ()),
    ("@Ada @adam @", (), ()),
    ("Is that so, @ada?", ("ada",), ()),
    ("(@ada), @ada; @c", ("ada", "c"), ()),
    # A full stop belongs to the name only where there is such a name.
    ("@ada. @ben.k. @ben. @ops...", ("ada", "ben.k"), ("ben", "ops")),
    ("@ro_bot$ @ada$", ("ro_bot$", "ada"), ()),
    ("@x@y.org", ("x@y.org",), ()),
    ("@_", ("_",), ()),
    # Neither addresses nor paths, nor what is escaped.
    ("ada@ada a.@ada /@ada -@ada", (), ()),
    (r"\@ada", (), ()),
    ("@@ada", (), ()),
    # Groups, also with a space; of two alike, the person.
    ('@"risk team" @ops', (), ("risk team", "ops")),
    ('@risk @"risk"', ("risk",), ()),
    ('@"risk\nteam" @"nobody" @""', (), ()),
    # Code is code.
    ("`@ada` @c", ("c",), ()),
    ("```\n@ada\n```\n@c", ("c",), ()),
    ("~~~python\n@ada\n~~~ \n@c", ("c",), ()),
    ("```\n@ada", (), ()),
    ("a ` and @ada", ("ada",), ()),
    # Not what shows a mention somewhere else.
    ("**@ada** [@ops](x)", ("ada",), ("ops",)),
    ("line\n@ada\n@ops", ("ada",), ("ops",)),
]


@pytest.mark.parametrize(("text", "people", "groups"), CASES)
def test_a_text_mentions(text: str, people: tuple[str, ...], groups: tuple[str, ...]) -> None:
    assert mentions_in(text, people=PEOPLE, groups=GROUPS) == Mentions(people=people, groups=groups)


@pytest.mark.parametrize(("text", "people", "groups"), CASES)
def test_whoever_is_mentioned_was_looked_for(text: str, people: tuple[str, ...], groups: tuple[str, ...]) -> None:
    assert {*people, *groups} <= set(possible_names(text))


def test_names_are_looked_for_once_and_with_the_dot_and_without() -> None:
    assert possible_names("@ada. @ada, @c") == ("ada.", "ada", "c")
    assert possible_names("@_.") == ("_.", "_")


@given(st.text())
def test_nobody_is_mentioned_whom_there_is_not(text: str) -> None:
    assert mentions_in(text, people=(), groups=()) == Mentions()


@given(st.text(alphabet=' @adab."`~\n\\', max_size=60))
def test_only_who_is_looked_for_is_mentioned(text: str) -> None:
    found = mentions_in(text, people={"ada"}, groups={"b", "a d"})
    assert {*found.people} <= {"ada"}
    assert {*found.groups} <= {"b", "a d"}
    assert {*found.people, *found.groups} <= set(possible_names(text))


@pytest.mark.parametrize(
    "piece", ["@", "@a.", "`", "```\n", '@"', "@" + "." * 255, "@a" + "." * 254 + " ", "~~~ ```\n"]
)
def test_a_long_text_is_read_in_no_time(piece: str) -> None:
    text = (piece * 16384)[:16384]
    begun = time.perf_counter()
    possible_names(text)
    assert time.perf_counter() - begun < 0.5
