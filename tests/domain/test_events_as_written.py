"""Cursors of the log, kinds and digests, as anybody may write them."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry_service.domain.errors import CursorFromOtherEpoch, InvalidCursor, InvalidDigest, InvalidInput
from registry_service.domain.events import Cursor, EventKind, parse_kind
from registry_service.domain.manifest import check_digest, digest_of
from tests.mutations import nearly

EPOCHS = st.from_regex(re.compile(r"[0-9A-Za-z]{1,40}", re.ASCII), fullmatch=True)


@given(EPOCHS, st.integers(0, 10**18 - 1))
def test_a_cursor_is_read_as_it_was_written(epoch: str, seq: int) -> None:
    assert Cursor.parse(str(Cursor(epoch, seq)), epoch=epoch) == (epoch, seq)


@given(nearly(st.builds("{}-{}".format, EPOCHS, st.integers(0, 10**19))) | st.text(), EPOCHS, st.booleans())
def test_a_cursor_of_another_epoch_is_told_from_what_is_none(text: str, epoch: str, same: bool) -> None:
    of, dash, seq = text.rpartition("-")
    well_formed = (
        of.isascii() and of.isalnum() and len(of) <= 40 and set(seq) <= set("0123456789") and 0 < len(seq) <= 18
    )
    epoch = of if same and well_formed else epoch
    if not (dash and well_formed):
        with pytest.raises(InvalidCursor):
            Cursor.parse(text, epoch=epoch)
    elif of != epoch:
        with pytest.raises(CursorFromOtherEpoch) as refusal:
            Cursor.parse(text, epoch=epoch)
        assert refusal.value.details["epoch"] == epoch
    else:
        assert Cursor.parse(text, epoch=epoch) == (epoch, int(seq))


@given(st.text() | st.sampled_from([kind.value for kind in EventKind]).map(lambda kind: kind + "x"))
def test_a_kind_that_is_none_is_refused(text: str) -> None:
    if text not in set(EventKind) and not re.fullmatch(r"[a-z]+\.\*", text):
        with pytest.raises(InvalidInput):
            parse_kind(text)


@given(st.binary(max_size=8), st.integers(0, 70), st.characters())
def test_a_digest_with_another_character_anywhere_is_another_or_none(data: bytes, at: int, other: str) -> None:
    digest = check_digest(digest_of(data))
    changed = digest[:at] + other + digest[at + 1 :]
    if at >= 7 and other in "0123456789abcdef":
        assert check_digest(changed) == changed
    elif changed != digest:
        with pytest.raises(InvalidDigest):
            check_digest(changed)
