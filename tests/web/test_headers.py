"""Headers as anybody may write them: a value, or a refusal that names the header."""

from __future__ import annotations

import asyncio
import re
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from litestar import Request
from litestar.routes import HTTPRoute

from registry_service.domain.errors import InvalidInput
from registry_service.web.answers import none_match
from registry_service.web.requests import idempotency_of, moment_of, offset_of, provide_if_match
from registry_service.web.routes import build_routes
from tests.mutations import near_misses, nearly

HEADER = st.text(st.characters(max_codepoint=255, exclude_characters="\r\n\0"), max_size=40)
TAGS = ('"7"', "7", '"12-0123456789abcdef"', ' "0" ', '"999999999999999999"')
DIGITS, HEXADECIMAL = set("0123456789"), set("0123456789abcdef")


ROUTE = next(route for route in build_routes().routes if route.path == "/api/v1/models")


def asked(name: str, value: str) -> Request[Any, Any, Any]:
    async def receive() -> Any:
        return {"type": "http.request", "body": b"{}", "more_body": False}

    assert isinstance(ROUTE, HTTPRoute)
    handler, _ = ROUTE.route_handler_map["POST"]
    scope = {"type": "http", "method": "POST", "path": ROUTE.path, "query_string": b"", "route_handler": handler}
    return Request({**scope, "headers": [(name.encode(), value.encode("latin-1"))]}, receive)  # type: ignore[arg-type]  # what is read of it


def in_latin_1(text: str) -> str:
    """As much of a text as a header may hold."""
    return "".join(character for character in text if ord(character) < 256)


@given(st.integers(0, 10**18 - 1), st.sampled_from(['"{}"', "{}", '"{}-0123456789abcdef"', ' "{}" ']))
def test_if_match_is_the_revision_that_the_tag_had(revision: int, form: str) -> None:
    assert provide_if_match(asked("if-match", form.format(revision))) == revision


def check_if_match(value: str) -> None:
    revision, dash, digest = value.strip().removeprefix('"').removesuffix('"').partition("-")
    names_one = 0 < len(revision) <= 18 and set(revision) <= DIGITS
    if names_one and bool(dash) is bool(digest) and set(digest) <= HEXADECIMAL:
        assert provide_if_match(asked("if-match", value)) == int(revision)
    else:
        with pytest.raises(InvalidInput) as refusal:
            provide_if_match(asked("if-match", value))
        assert refusal.value.details["field"] == "If-Match"


def test_what_is_nearly_an_if_match_is_refused_by_its_name() -> None:
    for value in near_misses(*TAGS):
        check_if_match(in_latin_1(value))


@given(HEADER | nearly(st.sampled_from(TAGS)).map(in_latin_1))
def test_any_other_if_match_is_refused_by_its_name(value: str) -> None:
    check_if_match(value)


KEYS = st.sampled_from(["k", "0b5cf1a2-5a4e-4a53-9d1f-6a7e1e7b0c11", "~" * 200, "!" * 199])


@given(HEADER | nearly(KEYS).map(in_latin_1))
def test_an_idempotency_key_is_kept_as_it_came_or_is_refused_by_its_name(value: str) -> None:
    request = asked("idempotency-key", value)
    if 0 < len(value) <= 200 and all("!" <= character <= "~" for character in value):
        found = asyncio.run(idempotency_of(request))
        assert found is not None and found.key == value
    else:
        with pytest.raises(InvalidInput) as refusal:
            asyncio.run(idempotency_of(request))
        assert refusal.value.details["field"] == "Idempotency-Key"


def check_offset(value: str) -> None:
    request = asked("upload-offset", value)
    if 0 < len(value) <= 18 and set(value) <= DIGITS:
        assert offset_of(request) == int(value)
    else:
        with pytest.raises(InvalidInput) as refusal:
            offset_of(request)
        assert refusal.value.details["field"] == "Upload-Offset"


def test_an_offset_is_digits_alone_or_is_refused_by_its_name() -> None:
    for value in near_misses("0", "7", "007", "999999999999999999", "9223372036854775807"):
        check_offset(in_latin_1(value))


@given(HEADER)
def test_any_other_offset_is_refused_by_its_name(value: str) -> None:
    check_offset(value)


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
        provide_if_match(asked("if-match", value))
