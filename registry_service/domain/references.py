"""What may be said in a text that leads elsewhere, and is kept for good: an address, a dataset, a run."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import urlsplit

from registry_service.domain.errors import InvalidInput
from registry_service.domain.tokens import TokenKind

# What references are pasted from: an address with a password, a signed link, a token of this registry. An image that is
# named by tag and digest has no password, and a DAG may be called mreg_train. Read in one go, however long the text is.
_SECRET: Final = re.compile(
    r"//[^/?#\s:]*:[^/?#\s]*@(?!sha256:[0-9a-f]{64})"
    r"|[?&](?:x-amz-signature|x-goog-signature|sig|signature|(?:access_)?token|password)="
    rf"|mreg_({'|'.join(TokenKind)})_[0-9a-z]{{13}}",
    re.IGNORECASE,
)
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")  # which `urlsplit` overlooks in places, and browsers in others
_SCHEMES: Final = ("http", "https")


def refuse_secret(text: str, what: str) -> None:
    """The one rule for references of any kind. They are opaque text otherwise: nobody follows them here.

    :raises InvalidInput: it carries a password, a token or a signature; the refusal doesn't repeat it.
    """

    if _SECRET.search(text):
        raise InvalidInput(
            f"{what} carries a password, a token or a signature, which is kept for good and given to every reader."
            " Leave it out.",
            field=what,
        )


def check_link(url: str, what: str) -> None:
    """An address that becomes a link on a page, where a scheme that runs something is no link.

    :raises InvalidInput: it leads nowhere by HTTP, or carries a secret.
    """

    refuse_secret(url, what)
    try:
        parts = None if _CONTROL.search(url) else urlsplit(url)
    except ValueError:
        parts = None
    if parts is None or parts.scheme not in _SCHEMES or not parts.netloc:
        raise InvalidInput(f"{what} is no link. Give an address that begins with http:// or https://.", url=url)
