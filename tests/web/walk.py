"""Every route of the service, and a request to it that is well-formed: what the walks over all routes go through. What
only a browser asks for, without a token, has tests of its own (test_sessions.py)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Any, NamedTuple, get_args

import msgspec
from litestar.routes import HTTPRoute

from registry_service.domain.permissions import Action
from registry_service.web.examples import EXAMPLES
from registry_service.web.routes import build_routes

SAMPLES = {
    "model": "fraud-detector", "selector": "1", "path": "model.bin", "digest": "sha256:" + "0" * 64, "alias": "best",
    "stage": "production", "upload": "aaaaaaaaaaaaaaaa", "promotion": "aaaaaaaaaaaaaaaa", "change": "aaaaaaaaaaaaaaaa",
    "comment": "aaaaaaaaaaaaaaaa", "subscription": "aaaaaaaaaaaaaaaa",
    "delegation": "aaaaaaaaaaaaaaaa", "deployment": "aaaaaaaaaaaaaaaa",
    "attachment": "aaaaaaaaaaaaaaaa", "check": "1", "name": "team", "grant": "aaaaaaaaaaaaaaaa",
    "group": "risk", "token": "aaaaaaaaaaaa", "rule": "nightly", "preview": "aaaaaaaaaaaaaaaa",
}  # fmt: skip


# Else it would go on for ever.
ENDING = {"stream_events": "?seconds=0"}


class Call(NamedTuple):
    name: str
    method: str
    path: str
    action: Action | str
    body: Any
    template: str


@cache
def all_calls() -> list[Call]:
    return sorted(_calls())


@cache
def body_types() -> dict[str, Any]:
    """What the routes that take a body read it as, by the routes' names."""
    return {
        handler.handler_name: handler.parsed_data_field.annotation
        for route in build_routes().routes
        if isinstance(route, HTTPRoute)
        for handler in route.route_handlers
        if handler.parsed_data_field is not None and not handler.opt.get("for_browsers")
    }


@cache
def answer_types() -> dict[str, Any]:
    """What the routes that answer with JSON say that their answers stand for, by the routes' names."""
    found = {
        handler.handler_name: get_args(handler.parsed_fn_signature.return_type.annotation)
        for route in build_routes().routes
        if isinstance(route, HTTPRoute)
        for handler in route.route_handlers
        if handler.resolve_include_in_schema()
    }
    return {name: of[0] for name, of in found.items() if of and of[0] not in {type(None), Any}}


def _calls() -> Iterator[Call]:
    for route in build_routes().routes:
        assert isinstance(route, HTTPRoute)
        for method, (handler, _) in route.route_handler_map.items():
            if method == "OPTIONS" or handler.opt.get("for_browsers"):
                continue
            path = re.sub(r"\{(\w+)(:\w+)?\}", lambda found: SAMPLES[found[1]], route.path_format)
            field = handler.parsed_data_field
            body = None if field is None else msgspec.to_builtins(EXAMPLES[field.annotation])
            path += ENDING.get(handler.handler_name, "")
            yield Call(handler.handler_name, method, path, handler.opt["action"], body, route.path_format)
