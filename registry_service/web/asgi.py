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
