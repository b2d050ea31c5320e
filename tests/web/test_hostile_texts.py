"""Every place where a text stands in a request, under every hostile text: the service refuses or answers, and is well
afterwards. The places are those of docs/openapi.json, so that a new parameter is among them by itself."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from tests.service_fixture import RunningService
from tests.web.hostile import IN_JSON, MARK, TEXTS, Caller, Place, complaints
from tests.web.stories import API, answered, create_model, digest_of, register
from tests.web.walk import SAMPLES, all_calls

OPENAPI: dict[str, Any] = json.loads((Path(__file__).parents[2] / "docs" / "openapi.json").read_bytes())
BODIES = {(call.method, call.path): call.body for call in all_calls() if call.body is not None}
SENT = b"some bytes"
KNOWN = {**SAMPLES, "model": "m"}
# Some of these requests succeed, and others are about the model and its version.
ANOTHER = "another"
DELETED = "deleted"


def known_in(method: str, path: str) -> dict[str, str]:
    if method == "DELETE" and path.endswith("/models/{model}"):
        return {**KNOWN, "model": DELETED}
    return {**KNOWN, "model": ANOTHER} if path.endswith(("/rename", "/revoke")) else KNOWN


def operations() -> Iterator[tuple[str, str, list[dict[str, Any]]]]:
    for path, methods in OPENAPI["paths"].items():
        for method, operation in methods.items():
            yield method.upper(), path, operation.get("parameters", [])


def body_of(method: str, path: str) -> Any:
    return BODIES.get((method, path.format(**SAMPLES)))


def as_bytes(body: Any) -> bytes | None:
    return None if body is None else json.dumps(body).replace("fraud-detector", "m").encode()


def path_places() -> Iterator[Place]:
    for method, path, parameters in operations():
        for parameter in parameters:
            if parameter["in"] == "path":
                target = path.format(**{**known_in(method, path), parameter["name"]: MARK})
                yield Place(method, target, body=as_bytes(body_of(method, path)))


def query_places() -> Iterator[Place]:
    for method, path, parameters in operations():
        target = path.format(**known_in(method, path))
        names = [parameter["name"] for parameter in parameters if parameter["in"] == "query"]
        # The stream of events would go on for ever.
        more = "&seconds=0" if "seconds" in names else ""
        yield from (Place(method, f"{target}?{name}={MARK}{'' if name == 'seconds' else more}") for name in names)
        if names:
            yield Place(method, f"{target}?{names[0]}=a&{names[0]}={MARK}")
            yield Place(method, f"{target}?{MARK}=1")


def body_places() -> Iterator[Place]:
    for method, path, _ in operations():
        for marked in marked_once(body_of(method, path)):
            body = as_bytes(marked)
            assert body is not None
            # The mark as a value of its own, not inside of a string.
            place = json.dumps(MARK).encode()
            yield Place(
                method, path.format(**known_in(method, path)), body=body.replace(place, MARK.encode()), texts=IN_JSON
            )


def marked_once(value: Any) -> Iterator[Any]:
    """The value with the mark in the place of each value in it."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from ({**value, key: marked} for marked in marked_once(inner))
    elif isinstance(value, list):
        for at, inner in enumerate(value):
            yield from ([*value[:at], marked, *value[at + 1 :]] for marked in marked_once(inner))
    if value is not None:
        yield MARK


def header_places(upload: str) -> Iterator[Place]:
    def place(method: str, path: str, name: str, body: bytes | None = None, *, frames: bool = False) -> Place:
        return Place(method, f"{API}{path}", {name: MARK}, body, TEXTS, frames)

    new = b'{"name": "by header"}'
    yield place("PATCH", "/models/m", "If-Match", b'{"description": "d"}')
    yield place("PUT", "/models/m/stages", "If-Match", b'{"stages": ["production"]}')
    yield place("GET", "/models/m", "If-None-Match")
    yield place("GET", "/models/m/versions/1/files/model.bin", "If-None-Match")
    yield place("POST", "/models", "Idempotency-Key", new)
    yield place("GET", "/models/m/versions/1/files/model.bin", "Range")
    yield place("GET", "/models/m/versions/1/files/model.bin", "If-Range")
    yield place("PATCH", f"/uploads/{upload}/files/{digest_of(SENT)}", "Upload-Offset", SENT)
    yield place("POST", "/models", "Content-Type", new)
    for name in ("Authorization", "X-Request-ID", "Host", "Accept", "Accept-Encoding", "Cookie", "Origin", "Expect"):
        yield place("GET", "/whoami", name)
        yield place("POST", "/models", name, new)
    for name in ("Content-Length", "Transfer-Encoding", "Connection", "Upgrade"):
        yield place("GET", "/whoami", name, frames=True)
        yield place("POST", "/models", name, new, frames=True)


@pytest.fixture(scope="module")
def caller(shared_service: RunningService) -> Caller:
    with shared_service.http() as http:
        create_model(http, "m")
        create_model(http, ANOTHER)
        create_model(http, DELETED)
        register(http, ANOTHER, {"model.bin": b"others"})
        register(http, "m", {"model.bin": b"bytes"})
        answered(http.put(f"{API}/models/m/aliases/best", json={"version": "1"}))
    return Caller((shared_service.settings.host, shared_service.settings.port), shared_service.person)


@pytest.mark.parametrize("places", [path_places, query_places, body_places], ids=lambda places: places.__name__)
def test_no_text_anywhere_makes_the_service_fail(caller: Caller, places: Any) -> None:
    asked = list(places())
    assert len(asked) > 60
    assert not list(complaints(caller, asked))


def test_no_text_in_a_header_makes_the_service_fail(shared_service: RunningService, caller: Caller) -> None:
    announced = {"model": "m", "files": [{"digest": digest_of(SENT), "size": len(SENT)}]}
    with shared_service.http() as http:
        upload = answered(http.post(f"{API}/uploads", json=announced), 201)["id"]
    assert not list(complaints(caller, header_places(upload)))


class Wrong(BaseHTTPRequestHandler):
    """A service with faults, each reached by a text of its own kind."""

    protocol_version = "HTTP/1.1"
    events = 0

    def do_GET(self) -> None:
        target = urlsplit(self.path)
        given = dict(parse_qsl(target.query, keep_blank_values=True))
        match target.path:
            case "/health/ready":
                self.answer(200, {})
            case "/api/v1/events":
                self.answer(200, {"events": [{"kind": "model.created"}], "cursor": f"e-{type(self).events}"})
            case "/fails":
                try:
                    self.answer(200, {"limit": int(given["limit"])})
                except ValueError:
                    self.answer(500, {})
            case "/hangs-up":
                if "\0" in given["name"]:
                    self.close_connection = True
                else:
                    self.answer(200, {})
            case "/plain":
                self.answer(404, "there is none")
            case "/counts":
                type(self).events += len(given["name"]) == 300
                self.refuse()
            case "/repeats":
                self.answer(200, {}, **{"X-Name": given["name"].encode("ascii", "ignore").decode()})
            case _:
                self.refuse()

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.do_GET()

    def refuse(self) -> None:
        self.answer(404, {"code": "not_found", "request_id": "1"}, "application/problem+json", **{"X-Request-ID": "1"})

    def answer(self, status: int, body: Any, media_type: str = "application/json", **headers: str) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        for name, value in {"Content-Type": media_type, "Content-Length": str(len(data)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name in the base
        pass


@pytest.fixture(scope="module")
def wrong() -> Iterator[Caller]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Wrong) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield Caller(("127.0.0.1", server.server_port), "none")
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("target", "complaint"),
    [
        ("/fails?limit=", r"with b'1e999': 500"),
        ("/hangs-up?name=", r"with b'%00': no answer"),
        ("/plain?name=", r"with b'1e999': 404 without a problem document"),
        ("/counts?name=", r"something changed though it was refused"),
        ("/repeats?name=", r"with b'a%0D%0AX-Injected%3A%201': a header of the text's own"),
    ],
)
def test_a_service_that_is_wrong_is_complained_of(wrong: Caller, target: str, complaint: str) -> None:
    found = list(complaints(wrong, [Place("GET", f"{target}{MARK}")]))
    assert any(re.search(complaint, line) for line in found), found


def test_a_service_that_refuses_everything_is_not_complained_of(wrong: Caller) -> None:
    assert not list(complaints(wrong, [Place("GET", f"/refuses?name={MARK}"), Place("POST", "/x", body=MARK.encode())]))
