"""Times that count from now."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry_service.domain.conditions import parse_condition
from registry_service.domain.errors import InvalidFilter
from registry_service.domain.expressions import Type, Vocabulary, formatted, matches, parse, speaks_of_now
from registry_service.domain.expressions.moments import is_relative, moment
from registry_service.domain.expressions.tree import Comparison, Literal, Operator, Reference
from tests.domain.expressions.strategies import VOCABULARY

NOW = datetime(2026, 3, 3, 12, tzinfo=UTC)
CREATED = Reference("created_at", Type.TIME)


@pytest.mark.parametrize(
    ("text", "then"),
    [
        ("now", NOW),
        ("NOW", NOW),
        ("now-90s", NOW - timedelta(seconds=90)),
        ("now-15m", NOW - timedelta(minutes=15)),
        ("now+2h", NOW + timedelta(hours=2)),
        ("now-7d", NOW - timedelta(days=7)),
        ("Now-2w", NOW - timedelta(weeks=2)),
        ("now-0d", NOW),
    ],
)
def test_a_time_counts_from_now(text: str, then: datetime) -> None:
    assert moment(text, NOW) == then
    assert parse(f"created_at > {text}", VOCABULARY, now=NOW) == Comparison(Operator.GREATER, CREATED, Literal(then))
    assert parse(f"{text}<=created_at", VOCABULARY, now=NOW) == Comparison(
        Operator.LESS_OR_EQUAL, Literal(then), CREATED
    )


def test_what_is_now_elsewhere_is_told_in_utc() -> None:
    there = NOW.astimezone(timezone(timedelta(hours=9)))
    assert moment("now-1d", there).utcoffset() == timedelta(0)
    assert moment("now-1d", there) == NOW - timedelta(days=1)


# What is nearly such a time is refused, at its place, and never taken for something else.
NEARLY = [
    "now-",
    "now-7",
    "now-d",
    "now-7D",
    "now-7days",
    "now--7d",
    "now-7d7d",
    "now-7d-1h",
    "now - 7d",
    "now -7d",
    "now-1.5d",
    "now-1e3d",
    "now-7M",
    "now-7y",
    "now*7d",
    "-7d",
    "7d",
    "'now-7d'",
    "`now`",
    "now()",
    "now.x",
    "nowhere",
    "now_",
    "now-999999999w",
    "now+999999999d",
    "now-9999999999999999999999s",
    "now-\u0667d",
    "now-\uff17d",
    "\uff4eow",
    "now\u22127d",
    "now-7d\0",
    "now-7d now",
    "now'-7d'",
    "now-" + "9" * 4000 + "d",
]


@pytest.mark.parametrize("text", NEARLY, ids=[text[:20] for text in NEARLY])
def test_what_is_nearly_such_a_time_is_refused(text: str) -> None:
    for expression in (f"created_at > {text}", f"created_at IN ({text})"):
        with pytest.raises(InvalidFilter):
            parse(expression, VOCABULARY, now=NOW)
    with pytest.raises(ValueError, match=r"expected now|no calendar"):
        moment(text, NOW)


@pytest.mark.parametrize(
    "text",
    [
        "number > now",
        "name = now-7d",
        "archived = now",
        "params.x > now-7d",
        "now > now-7d",
        "now",
        "NOT now-7d",
        "name LIKE now",
        "now IN (now)",
        "now IS NULL",
    ],
)
def test_only_a_time_compares_with_one(text: str) -> None:
    with pytest.raises(InvalidFilter):
        parse(text, VOCABULARY, now=NOW)


def test_nothing_is_computed_with_it() -> None:
    computing = Vocabulary({"created_at": Type.TIME, "number": Type.NUMBER}, arithmetic=True)
    for text in ("created_at > now - 7", "number > now + 1", "created_at > now-7d + 1", "created_at > -now"):
        with pytest.raises(InvalidFilter):
            parse(text, computing, now=NOW)


def test_it_may_stand_wherever_a_time_may() -> None:
    tree = parse("created_at IN (now, now-1d) OR NOT created_at < now-1h", VOCABULARY, now=NOW)
    assert matches(tree, lambda _: NOW)
    assert not matches(tree, lambda _: NOW - timedelta(days=2))
    assert parse(formatted(tree), VOCABULARY) == tree


def test_a_key_may_be_called_so() -> None:
    assert parse("tags.now = 'x'", VOCABULARY, now=NOW) == parse("tags.`now` = 'x'", VOCABULARY)


def test_without_a_now_nothing_counts_from_it() -> None:
    with pytest.raises(InvalidFilter) as refused:
        parse("name = 'a' AND created_at > now-7d", VOCABULARY)
    assert refused.value.details["column"] == 29
    # A condition that came true by the passing of time would be judged by nobody.
    with pytest.raises(InvalidFilter):
        parse_condition("created_at > now-7d")


@pytest.mark.parametrize(
    ("text", "speaks"),
    [
        ("created_at > now-7d", True),
        ("created_at > NOW", True),
        ("name = 'now-7d'", False),
        ("tags.now = 'x'", False),
        ("name = 'known'", False),
    ],
)
def test_it_is_known_whether_a_text_speaks_of_now(text: str, speaks: bool) -> None:
    assert speaks_of_now(text) is speaks


@pytest.mark.parametrize(("text", "relative"), [("now", True), ("Now-7d", True), ("2026-03-03", False), ("", False)])
def test_a_word_that_begins_so_means_such_a_time(text: str, relative: bool) -> None:
    assert is_relative(text) is relative


@given(st.text(alphabet="nowNOW+-0123456789smhdw. '\u0667", max_size=14))
def test_a_text_is_such_a_time_in_a_filter_exactly_where_it_is_alone(text: str) -> None:
    try:
        then = moment(text, NOW)
    except ValueError:
        then = None
    try:
        found = parse(f"created_at > {text}", VOCABULARY, now=NOW)
    except InvalidFilter:
        found = None
    if then is not None:
        assert found == Comparison(Operator.GREATER, CREATED, Literal(then))
    elif found is not None:
        # Spaces around it are nothing; a time in quotes is no such time.
        assert "'" in text or moment(text.strip(), NOW) == found.right.value  # type: ignore[union-attr]
