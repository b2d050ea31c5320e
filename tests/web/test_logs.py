"""The line of each request: complete, one line whatever it holds, and no more than the operator wants."""

from __future__ import annotations

import json
import logging
from typing import Any

import structlog

from tests.service_fixture import RunningService
from tests.web.logged import logged
from tests.web.stories import API, answered, create_model, digest_of
from tests.web.walk import all_calls

HOSTILE = "%0D%0A%1B%5B31m%7B%22event%22:%22forged%22%7D%E2%80%A8%C2%85"


def test_each_request_is_one_line_that_says_what_became_of_it(shared_service: RunningService) -> None:
    with logged() as sink, shared_service.http() as http:
        create_model(http, "told of")
        announced = {"model": "told of", "files": [{"digest": digest_of(b"x"), "size": 1}]}
        asked = http.post(f"{API}/uploads", json=announced, headers={"X-Request-ID": "mine-1"})
        upload = answered(asked, 201)["id"]
        http.put(f"{API}/uploads/{upload}/files/{digest_of(b'x')}", content=b"x")
        http.get(f"{API}/models/told of/versions/1")
    lines = [line for line in map(json.loads, sink.getvalue().splitlines()) if line["event"] == "request"]
    created, started, sent, read = lines
    assert [line["status"] for line in lines] == [201, 201, 200, 404]
    assert started["request_id"] == "mine-1" and created["request_id"] != started["request_id"]
    assert (sent["method"], sent["route"]) == ("PUT", "/api/v1/uploads/{upload}/files/{digest}")
    assert sent["received"] == 1 and started["received"] == len(asked.request.content)
    assert started["bytes"] == len(asked.content) and started["code"] is None
    assert (read["path"], read["route"]) == (
        f"{API}/models/told of/versions/1",
        f"{API}/models/{{model}}/versions/{{selector}}",
    )
    assert read["code"] == "version_not_found"
    for line in lines:
        assert line["actor"] == "ada" and line["client"] == "127.0.0.1" and line["ms"] >= 0
        assert line["level"] == "info" and line["timestamp"].endswith("Z")


def test_every_route_logs_its_template(shared_service: RunningService) -> None:
    with logged() as sink, shared_service.http() as http:
        for call in all_calls():
            http.request(call.method, call.path, json=call.body)
    lines = [line for line in map(json.loads, sink.getvalue().splitlines()) if line["event"] == "request"]
    assert len(lines) == len(all_calls())
    for call, line in zip(all_calls(), lines, strict=True):
        parts = zip(line["route"].split("/"), call.path.partition("?")[0].split("/"), strict=False)
        assert all(template == given or template.startswith("{") for template, given in parts), (call, line)


def test_no_path_or_header_begins_a_line_of_its_own(shared_service: RunningService) -> None:
    addresses = [f"{API}/models/{HOSTILE}", f"{API}/models/m?filter={HOSTILE}", f"/{HOSTILE}"]
    hostile: dict[Any, Any] = {b"User-Agent": b"\x85", b"X-Request-ID": b"a\x85", b"Referer": b"\xe2\x80\xa8"}
    for form in ("json", "text"):
        with logged(form) as sink, shared_service.http() as http:
            for address in addresses:
                http.get(address, headers=hostile)
        told = sink.getvalue()
        assert len(told.splitlines()) == len(addresses) == told.count("\n")
        assert not any(character in told for character in "\x1b\x85\u2028\r")


def test_what_is_below_the_level_is_not_logged(shared_service: RunningService) -> None:
    for level, kept in (("debug", 4), ("info", 3), ("warning", 2), ("error", 1)):
        with logged(level=level) as sink, shared_service.http() as http:
            http.get(f"{API}/whoami")
            log = structlog.get_logger("registry.test")
            log.debug("d")
            log.warning("w")
            log.error("e")
            logging.getLogger("uvicorn").info("never")
        assert len(sink.getvalue().splitlines()) == kept, level
