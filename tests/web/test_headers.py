"""Headers as anybody may write them: a value, or a refusal that names the header."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from litestar import Request

from registry_service.domain.errors import InvalidInput
from registry_service.web.answers import none_match
from registry_service.web.requests import moment_of, provide_if_match

HEADER = st.text(st.characters(max_codepoint=255, exclude_characters="\r\n\0"), max_size=40)
NEARLY = st.from_regex(re.compile(r'[W/ "]{0,3}[0-9]{0,20}[-" ,*]{0,2}[0-9a-f]{0,4}[" ]{0,2}'), fullmatch=True)


def asked(value: str) -> Request[Any, Any, Any]:
    return Request({"type": "http", "headers": [(b"if-match", value.encode("latin-1"))]})  # type: ignore[arg-type]  # what is read of it


@given(st.integers(0, 10**18 - 1), st.sampled_from(['"{}"', "{}", '"{}-0123456789abcdef"', ' "{}" ']))
def test_if_match_is_the_revision_that_the_tag_had(revision: int, form: str) -> None:
    assert provide_if_match(asked(form.format(revision))) == revision


@given(HEADER | NEARLY)
def test_any_other_if_match_is_refused_by_its_name(value: str) -> None:
    try:
        revision = provide_if_match(asked(value))
    except InvalidInput as refusal:
        assert refusal.details["field"] == "If-Match"  # noqa: PT017 - both ends are good
    else:
        assert str(revision) in value and not set(value) & set(",*W/")


@given(st.lists(HEADER.map(lambda text: '"' + re.sub('[",]', "", text) + '"'), max_size=4), st.integers(0, 99))
def test_if_none_match_holds_where_a_tag_of_the_list_is_the_same(tags: list[str], revision: int) -> None:
    etag = f'"{revision}"'
    assert none_match(", ".join(tags), etag) is (etag in tags)
    assert none_match(", ".join([*tags, f"W/{etag}"]), etag)


@given(HEADER)
def test_any_if_none_match_holds_or_not(value: str) -> None:
    if none_match(value, '"7"'):
        assert '"7"' in value or value.strip() == "*"


ZONES = st.integers(-23 * 60, 23 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))


@given(st.datetimes(min_value=datetime(1971, 1, 1), timezones=ZONES))  # noqa: DTZ001 - as the strategy asks for
def test_a_time_is_read_as_it_was_written(at: datetime) -> None:
    assert moment_of(at.isoformat()) == at


@given(st.text(max_size=64) | st.from_regex(re.compile(r"[-+0-9T:.eZ nainf]{0,40}"), fullmatch=True))
def test_any_other_time_has_a_zone_or_is_refused(text: str) -> None:
    try:
        moment = moment_of(text)
    except InvalidInput as refusal:
        assert refusal.details["field"] == "as_of"  # noqa: PT017 - both ends are good
    else:
        assert moment is not None and moment.utcoffset() is not None


@pytest.mark.parametrize("value", ["", "*", '"1", "2"', 'W/"1"', "\xb2", "1" * 19, '"1-"'])
def test_these_name_no_revision(value: str) -> None:
    with pytest.raises(InvalidInput):
        provide_if_match(asked(value))
