"""Tokens as text: `mreg_<kind>_<id:12><secret:32><checksum:6>`, digits of base 62.

The fixed beginning lets secret scanners find leaked tokens; the checksum (CRC-32 of everything before it) lets a
mistyped or invented one be refused before any query. Of the secret only its SHA-256 is ever stored: it has 190 random
bits, so a slow hash would add nothing.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import string
import zlib
from enum import StrEnum
from typing import Final

import msgspec

from registry_service.domain.errors import NotAuthenticated

ENTROPY_BYTES: Final = 48

_DIGITS: Final = string.digits + string.ascii_uppercase + string.ascii_lowercase
_ID_LENGTH: Final = 12
_SECRET_LENGTH: Final = 32
_CHECKSUM_LENGTH: Final = 6


class TokenKind(StrEnum):
    """PERSONAL and SERVICE are what programs send as bearer tokens. SESSION is what a browser keeps in its cookie, and
    is good in no other way. LOGIN opens one session, within a minute, and nothing else."""

    PERSONAL = "personal"
    SERVICE = "service"
    SESSION = "session"
    LOGIN = "login"


BEARERS: Final = frozenset({TokenKind.PERSONAL, TokenKind.SERVICE})
"""What may stand in the header Authorization."""


_FORM: Final = re.compile(
    rf"mreg_({'|'.join(TokenKind)})_([0-9A-Za-z]{{{_ID_LENGTH}}})([0-9A-Za-z]{{{_SECRET_LENGTH}}})"
    rf"([0-9A-Za-z]{{{_CHECKSUM_LENGTH}}})",
    re.ASCII,
)


class NewToken(msgspec.Struct, frozen=True):
    """A token just made: the whole `text`, for its owner alone, and what is stored of it."""

    text: str
    id: str
    secret_hash: str

    def __repr__(self) -> str:
        return f"NewToken(id={self.id!r})"


class PresentedToken(msgspec.Struct, frozen=True):
    """A token that somebody shows: well formed, which says nothing of whether it is good."""

    kind: TokenKind
    id: str
    secret: str

    def __repr__(self) -> str:
        return f"PresentedToken(id={self.id!r})"

    def matches(self, secret_hash: str) -> bool:
        """Whether its secret is the one that was stored; in a time that doesn't depend on how much of it is right."""
        return hmac.compare_digest(hash_secret(self.secret), secret_hash)


def new_token(kind: TokenKind, entropy: bytes) -> NewToken:
    """A token made of `entropy`: ENTROPY_BYTES bytes from a cryptographic source, used for this token alone."""

    if len(entropy) != ENTROPY_BYTES:
        raise ValueError(f"a token takes {ENTROPY_BYTES} random bytes, not {len(entropy)}")
    # Far more bits than digits hold: the remainder is uniform but for 2^-122.
    digits = _base62(int.from_bytes(entropy, "big"), _ID_LENGTH + _SECRET_LENGTH)
    token_id, secret = digits[:_ID_LENGTH], digits[_ID_LENGTH:]
    body = f"mreg_{kind}_{token_id}{secret}"
    return NewToken(text=body + _checksum(body), id=token_id, secret_hash=hash_secret(secret))


def parse_token(text: str) -> PresentedToken:
    """:raises NotAuthenticated: this isn't a token, or a character of it is wrong."""

    found = _FORM.fullmatch(text)
    if found is None or _checksum(text[:-_CHECKSUM_LENGTH]) != found[4]:
        raise NotAuthenticated(
            "This is no token of a model registry, or a part of it is missing. Copy it whole, or make a new one with:"
            " model-registry tokens create"
        )
    return PresentedToken(kind=TokenKind(found[1]), id=found[2], secret=found[3])


def hash_secret(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _checksum(text: str) -> str:
    return _base62(zlib.crc32(text.encode()), _CHECKSUM_LENGTH)


def _base62(number: int, length: int) -> str:
    digits = []
    for _ in range(length):
        number, digit = divmod(number, len(_DIGITS))
        digits.append(_DIGITS[digit])
    return "".join(reversed(digits))
