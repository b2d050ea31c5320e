"""The shapes of ASGI, for what stands before the framework."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
ASGIApp = Callable[[Any, Any, Any], Awaitable[None]]
"""Any application: servers and frameworks have each their own names for the same three arguments."""

CONNECTION: Final = "model_registry.connection"
"""Where the server puts the transport of the request's connection among the scope's extensions."""

SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
"""Those that change nothing (RFC 9110, 9.2.1)."""


def single_headers(scope: Scope) -> dict[str, str]:
    """Headers by name; one that comes twice is joined as HTTP says, and so fails the checks that want one value."""
    found: dict[str, str] = {}
    for raw_name, raw_value in scope["headers"]:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        found[name] = f"{found[name]}, {value}" if name in found else value
    return found
