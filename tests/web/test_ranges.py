from __future__ import annotations

import contextlib
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry_service.domain.errors import InvalidRange
from registry_service.web.ranges import ByteRange, parse_range
from tests.mutations import near_misses, nearly

places = st.integers(0, 40) | st.integers(0, 10**18 - 1)


@given(places, st.none() | places, st.integers(0, 40))
def test_a_range_is_the_bytes_that_slicing_gives(first: int, last: int | None, size: int) -> None:
    data = bytes(range(size))
    header = f"bytes={first}-{'' if last is None else last}"
    if last is not None and last < first:
        assert parse_range(header, size) is None
    elif first >= size:
        with pytest.raises(InvalidRange):
            parse_range(header, size)
    else:
        found = parse_range(header, size)
        assert found is not None
        assert data[found.start : found.stop] == data[first : None if last is None else last + 1] != b""


@given(places, st.integers(1, 40))
def test_a_suffix_is_the_end_of_the_file(count: int, size: int) -> None:
    if count == 0:
        with pytest.raises(InvalidRange):
            parse_range("bytes=-0", size)
    else:
        assert parse_range(f"bytes=-{count}", size) == ByteRange(max(size - count, 0), size)


@given(st.text() | st.from_regex(re.compile(r"[Bb]ytes=[\d ,+-]{0,30}")), st.integers(0, 1000))
def test_whatever_is_asked_stays_inside_the_file(header: str, size: int) -> None:
    with contextlib.suppress(InvalidRange):
        found = parse_range(header, size)
        assert found is None or 0 <= found.start < found.stop <= size


def check_range(header: str, size: int) -> None:
    try:
        found = parse_range(header, size)
    except InvalidRange:
        assert header.lower().startswith("bytes=")
        return
    if found is not None:
        assert header.lower().startswith("bytes=")
        first, _, last = header.lower().removeprefix("bytes=").strip().partition("-")
        start = int(first) if first else max(size - int(last), 0)
        assert found == (start, min(int(last) + 1, size) if first and last else size)
        assert set(first + last) <= set("0123456789")


RANGES = ("bytes=0-9", "bytes=5-", "bytes=-7", "Bytes=39-40", "bytes=0-0,2-3")


@pytest.mark.parametrize("size", [0, 1, 8, 40, 50])
def test_a_range_that_is_given_is_the_one_that_is_written(size: int) -> None:
    for header in near_misses(*RANGES):
        check_range(header, size)


@given(nearly(st.sampled_from(RANGES)), st.integers(0, 50))
def test_so_it_is_after_several_changes(header: str, size: int) -> None:
    check_range(header, size)
