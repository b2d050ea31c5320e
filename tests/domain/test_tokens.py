from __future__ import annotations

import re
import secrets

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry_service.domain.errors import NotAuthenticated
from registry_service.domain.tokens import ENTROPY_BYTES, TokenKind, hash_secret, new_token, parse_token

ENTROPY = bytes(range(ENTROPY_BYTES))


def test_a_token_has_the_form_that_scanners_know() -> None:
    # A promise: tokens that were issued stay good.
    assert new_token(TokenKind.PERSONAL, ENTROPY).text == (
        "mreg_personal_iUPCkeK8fsOOHCGbYdCUyWx6xd2ivh2DOxR816N56NAd1ByNwp"
    )
    assert re.fullmatch(r"mreg_service_[0-9A-Za-z]{50}", new_token(TokenKind.SERVICE, ENTROPY).text)


@given(st.binary(min_size=ENTROPY_BYTES, max_size=ENTROPY_BYTES), st.sampled_from(TokenKind))
def test_what_was_made_is_read_again(entropy: bytes, kind: TokenKind) -> None:
    made = new_token(kind, entropy)
    shown = parse_token(made.text)
    assert (shown.kind, shown.id) == (kind, made.id)
    assert shown.matches(made.secret_hash)
    assert not shown.matches(hash_secret("another"))


def test_a_changed_character_anywhere_is_noticed_before_any_query() -> None:
    text = new_token(TokenKind.PERSONAL, secrets.token_bytes(ENTROPY_BYTES)).text
    for place in range(len(text)):
        for other in "0Zz_":
            changed = text[:place] + other + text[place + 1 :]
            if changed != text:
                with pytest.raises(NotAuthenticated):
                    parse_token(changed)


@pytest.mark.parametrize(
    "text", ["", " ", "mreg", "mreg_personal_", "x" * 10_000, "mreg_root_" + "0" * 50, "\uff4dreg"]
)
def test_what_is_no_token_is_refused(text: str) -> None:
    with pytest.raises(NotAuthenticated):
        parse_token(text)


def test_tokens_do_not_show_their_secret_in_a_log() -> None:
    made = new_token(TokenKind.PERSONAL, ENTROPY)
    shown = parse_token(made.text)
    assert shown.secret not in repr(shown) and shown.secret not in repr(made)


def test_only_the_secret_that_was_made_matches() -> None:
    made = new_token(TokenKind.PERSONAL, ENTROPY)
    shown = parse_token(made.text)
    assert shown.matches(made.secret_hash) and not shown.matches(hash_secret("another"))


def test_too_little_randomness_is_a_fault() -> None:
    with pytest.raises(ValueError, match="48 random bytes"):
        new_token(TokenKind.PERSONAL, b"short")
