"""Runs the rows of cases.yaml against a real service over sockets, and says what it does wrong."""

from __future__ import annotations

import importlib
import json
import re
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import msgspec
import yaml

from tests.security.encodings import in_json, in_url
from tests.security.watch import watched
from tests.service_fixture import RunningService
from tests.web.hostile import MARK, Answer, Caller, Place, answers_at, fault_of, has_changed, last_event
from tests.web.stories import API, answered, create_model, register
from tests.web.walk import SAMPLES, all_calls

CASES: Final = Path(__file__).with_name("cases.yaml")
OUTSIDE: Final = "../../outside/canary"
CANARY: Final = b"canary-of-the-disk-51f0"
EVERY_PATH: Final = "each parameter of each path"
EVERY_ROUTE: Final = "each route"


class Case(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """One request shape and its safe answer. `texts`: what stands in the place of the mark, or the name of a set;
    `who`: whose token. A row either sends something or names tests that hold it."""

    id: str
    seen_in: str
    cause: str
    send: str = ""
    who: str = "admin"
    headers: dict[str, str] = {}
    body: str | None = None
    texts: list[str] | str = ""
    answer: list[str] = []
    never: str = ""
    tests: list[str] = []


def read_cases(text: str | None = None) -> list[Case]:
    return msgspec.convert(yaml.safe_load(CASES.read_text() if text is None else text), list[Case])


class Range:
    """A service with things in it, a file beside its directory that nobody should read, and a listener that nobody
    should call."""

    def __init__(self, service: RunningService) -> None:
        self.service = service
        self.outside = service.home.parent / "outside"
        self.outside.mkdir(exist_ok=True)
        (self.outside / "canary").write_bytes(CANARY)
        self.calls = 0
        with service.http() as http:
            create_model(http, "m")
            register(http, "m", {"model.bin": b"bytes"})
            answered(http.put(f"{API}/models/m/aliases/best", json={"version": "1"}))
            create_model(http, "secret.one")
        self.tokens = {
            "admin": service.person,
            "reader": service.token_of("rea", role="reader", pattern="m"),
            "contributor": service.token_of("cora", role="contributor", pattern="m"),
            "nobody": "",
        }

    @contextmanager
    def listening(self) -> Iterator[str]:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            thread = threading.Thread(target=self._accept, args=(listener,), daemon=True)
            thread.start()
            yield f"http://127.0.0.1:{listener.getsockname()[1]}/"
            listener.shutdown(socket.SHUT_RDWR)
            thread.join(10)

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            self.calls += 1
            connection.close()

    def complaints(self, case: Case) -> list[str]:
        """What the service does wrong at this case; nothing is what it should be."""
        found: list[str] = []
        settings = self.service.settings
        caller = Caller((settings.host, settings.port), self.tokens[case.who])
        judge = Caller((settings.host, settings.port), self.tokens["admin"])
        before = self._tree()
        with self.listening() as url, watched(self.service.home) as seen:
            calls = self.calls
            for place in _places(case, url):
                found += _judged(case, place, caller, judge)
            ready = judge.answer(judge.request(Place("GET", "/health/ready")))
            if ready is None or ready.status != 200:
                found.append(f"the service is not well afterwards: {ready}")
        found += sorted(set(seen))
        if self.calls != calls:
            found.append("the service called an address that a request named")
        if self._tree() != before:
            found.append("files beside the service's directory have changed")
        return found

    def _tree(self) -> Mapping[str, bytes]:
        home = self.service.home
        files = (path for path in home.parent.rglob("*") if home not in path.parents and path.is_file())
        return {str(path): path.read_bytes() for path in files}


def _places(case: Case, url: str) -> Iterator[Place]:
    if case.send in {EVERY_PATH, EVERY_ROUTE}:
        yield from _everywhere(case, _texts(case, url, in_body=False))
        return
    method, _, target = case.send.partition(" ")
    texts = _texts(case, url, in_body=case.body is not None and MARK in case.body)
    yield Place(method, target, case.headers, None if case.body is None else case.body.encode(), texts)


def _everywhere(case: Case, texts: list[bytes]) -> Iterator[Place]:
    known = {**SAMPLES, "model": "m"}
    for call in all_calls():
        if call.method == "HEAD" or call.path.startswith("/health/"):
            continue
        body = None if call.body is None else json.dumps(call.body).encode()
        names = re.findall(r"\{(\w+)\}", call.template)
        marked = [call.template.format(**{**known, name: MARK}) for name in names]
        for target in marked if case.send == EVERY_PATH else [call.path]:
            yield Place(call.method, target, case.headers, body, texts)


def _texts(case: Case, url: str, *, in_body: bool) -> list[bytes]:
    if case.texts == "encodings":
        encode = in_json if in_body else in_url
        return [text for payload in (OUTSIDE, "/etc/passwd", "..") for text in encode(payload)]
    if case.texts == "large":
        return [b"a" * size for size in (100_001, 1_048_576)]
    if isinstance(case.texts, str) and case.texts:
        raise ValueError(f"{case.id}: there are no texts named {case.texts}")
    given = [text.replace("CANARY_URL", url) for text in case.texts or [""]]
    return [json.dumps(text)[1:-1].encode() if in_body else text.encode() for text in given]


def _judged(case: Case, place: Place, caller: Caller, judge: Caller) -> Iterator[str]:
    before = last_event(judge)
    answers = answers_at(caller, place, place.texts)
    for text, answer in zip(place.texts, answers, strict=True):
        wrong = fault_of(place, text, answer) or _unsafe(case, answer)
        if wrong:
            yield f"{place} with {text[:80]!r}: {wrong}"
    if all(answer is None or answer.status >= 400 for answer in answers) and has_changed(judge, before):
        yield f"{place}: something changed though all was refused"


def _unsafe(case: Case, answer: Answer | None) -> str | None:
    assert answer is not None, "else it is a fault"
    whole = b"".join((*(f"{k}: {v}\n".encode("latin-1") for k, v in answer.headers.items()), answer.body))
    if CANARY in whole or b"root:x:0" in whole:
        return "a file from beside the service's directory"
    if case.never and re.search(case.never.encode(), whole):
        return f"'{case.never}' in the answer: {whole[:300]!r}"
    if not any(re.fullmatch(shape.replace("x", r"\d"), str(answer.status)) for shape in case.answer):
        return f"answered {answer.status}, not {' or '.join(case.answer)}: {answer.body[:200]!r}"
    return None


def is_a_test(name: str) -> bool:
    """Whether there is such a test: `tests/web/test_guard.py::test_name`."""
    path, _, function = name.partition("::")
    module = path.removesuffix(".py").replace("/", ".")
    try:
        return callable(getattr(importlib.import_module(module), function, None)) and function.startswith("test_")
    except ModuleNotFoundError:
        return False
