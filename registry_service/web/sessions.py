"""How a browser shows who asks: a session's token in a cookie that no script can read and no other site can send."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from http import HTTPStatus
from http.cookies import CookieError, SimpleCookie
from typing import Final
from urllib.parse import urlsplit

from registry_service.web.asgi import SAFE_METHODS
from registry_service.web.errors import HttpRefusal


class SessionCookie:
    """The cookie of one service at `origin`. Under TLS its name ties it to this host and to TLS. Without, which is on
    loopback alone, cookies are shared by all ports of a host, so the name holds the port."""

    def __init__(self, origin: str) -> None:
        parts = urlsplit(origin)
        self._secure = parts.scheme == "https"
        self.name = "__Host-model-registry" if self._secure else f"model-registry-{parts.port or 80}"

    def holding(self, token: str, lifetime: timedelta) -> str:
        """The header that sets it."""
        return self._header(token, int(lifetime.total_seconds()))

    @property
    def removed(self) -> str:
        """The header that removes it."""
        return self._header("", 0)

    def token_of(self, headers: Mapping[str, str]) -> str | None:
        """What it holds; None without it. Given twice it holds nothing: one of the two is somebody else's."""

        given = headers.get("cookie", "")
        if f"{self.name}=" not in given or given.count(f"{self.name}=") > 1:
            return None
        try:
            found = SimpleCookie(given).get(self.name)
        except CookieError:
            return None
        return found.value if found is not None else None

    def _header(self, value: str, seconds: int) -> str:
        secure = "; Secure" if self._secure else ""
        return f"{self.name}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}"


_PAGES_OF_OURS: Final = "same-origin"


def refuse_other_origins(method: str, headers: Mapping[str, str]) -> None:
    """A browser sends a cookie with whatever a page asks. What changes anything must come from a page of ours, and the
    browser must say so; that an origin that is given is ours, the guard has seen.

    :raises HttpRefusal: it doesn't, or the browser is too old to say.
    """

    if method in SAFE_METHODS:
        return
    site = headers.get("sec-fetch-site")
    if site != _PAGES_OF_OURS and not (site is None and "origin" in headers):
        raise HttpRefusal(
            HTTPStatus.FORBIDDEN,
            "With a session, only pages of the registry may change anything. Use a token in the header Authorization.",
        )
