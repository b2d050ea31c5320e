"""Hostile texts, sent to wherever a text stands in a request, and a judge of what comes back.

The texts go over plain sockets, as bytes: clients of HTTP refuse to send many of them. All texts for a place are sent
at once on one connection, and their answers read one after another.
"""

from __future__ import annotations

import contextlib
import json
import re
import socket
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, BinaryIO, Final, NamedTuple
from urllib.parse import quote

NUMBERS: Final = (
    "-1", "+1", "1.5", "1_0", "0x10", "1e999", "NaN", "Infinity", "\u0667", "\uff17", "9" * 5000,
    str(2**31 - 1), str(2**31), str(2**53), str(2**63 - 1), str(2**63), str(2**64), str(-(2**63) - 1),
)  # fmt: skip

WORDS: Final = (
    "", " ", "a\tb", "\x01\x1b[2J", "\x7f", "\x85", "a\0b", "\0", "a\r\nX-Injected: 1", "a\nb", "a\rb", "\ud800",
    "\udfff\ud800", "\U0010ffff", "a\u202eb", "\u200b", "\ufeffa", "e\u0301" * 30, "\u2028", "\u0130", "\u00e9" * 200,
    "'", '"', "`", "'; DROP TABLE models; --", "%s%n%x", "{0.__class__}", "${jndi:ldap://x}", ".", "..", "../../x",
    "..\\..\\x", "/", "\\", "C:\\x", "a,b", "*", "?", "#", "@", "@latest", "sha256:", "sha256:" + "G" * 64, "start",
    "latest", "-", "%", "[" * 500, "(" * 500, "{" * 500, "NOT " * 300, "a" * 300,
)  # fmt: skip

NO_TEXT: Final = (b"\xff\xfe", b"\xc0\xaf", b"\xe0\x80\xaf", b"\xc0\xae\xc0\xae/", b"\xf4\x90\x80\x80", b"\xe2\x82")
"""What isn't UTF-8: no text at all, overlong, beyond Unicode, cut off."""

TEXTS: Final = (*(text.encode(errors="surrogatepass") for text in (*NUMBERS, *WORDS)), *NO_TEXT)

# As nothing that quotes would write them.
AS_WRITTEN: Final = (
    b"%", b"%2", b"%zz", b"%u0041", b"%2e%2e", b"%2e%2e%2fx", b"%252e%252e", b"a%2Fb", b"a%5Cb", b"+", b";",
    b"%0d%0aX-Injected:%201", b"a" * 9000,
)  # fmt: skip

IN_URLS: Final = (*dict.fromkeys(quote(text, safe="").encode() for text in TEXTS), *AS_WRITTEN)

# Values of JSON, which needn't be any.
IN_JSON: Final = (
    rb'"\ud800"', rb'"\udfff\ud800"', rb'"a\u0000b"', rb'"\u0001\u001b"', rb'"\u202e\u200b"', b'"\xff"',
    b'"\xc0\xaf"', b'"a\nb"', b'""', b'" "', b'"' + b"a" * 70_000 + b'"', b'"../../x"', b'"%s{0}"',
    b"\"'; DROP TABLE models; --\"", b"-1", b"0", b"-0.0", b"1.5", b"1e999", b"-1e999", b"1e-999", b"NaN", b"Infinity",
    b'"1e999"', b'"NaN"', b"9" * 5000, *(str(number).encode() for number in (2**31, 2**53, 2**63, 2**64, -(2**63) - 1)),
    b"null", b"true", b"[]", b"{}", b"[null]", b'{"":""}', b"[" * 5000, b"[" * 900 + b"]" * 900, b'{"a":' * 5000,
)  # fmt: skip


class Place(NamedTuple):
    """Where a text stands: a request with MARK in its target, in a header's value or in its body."""

    method: str
    target: str
    headers: Mapping[str, str] = MappingProxyType({})
    body: bytes | None = None
    texts: Sequence[bytes] = IN_URLS
    frames: bool = False
    """The place says where the request ends, so that the server may refuse it before it is one."""

    def __str__(self) -> str:
        return f"{self.method} {self.target} {dict(self.headers) or ''}"


MARK: Final = "\N{REFERENCE MARK}"


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes


class Caller:
    """Sends requests to a server, with a token where they have none of their own."""

    def __init__(self, address: tuple[str, int], token: str) -> None:
        self._address = address
        self._token = token

    def request(self, place: Place, text: bytes = b"") -> bytes:
        def filled(template: str) -> bytes:
            return template.encode().replace(MARK.encode(), text)

        body = None if place.body is None else place.body.replace(MARK.encode(), text)
        headers = {"Host": "127.0.0.1", "Authorization": f"Bearer {self._token}", "Content-Type": "application/json"}
        if body is not None or place.method != "GET":
            headers["Content-Length"] = str(len(body or b""))
        headers |= place.headers
        lines = b"".join(b"%b: %b\r\n" % (name.encode(), filled(value)) for name, value in headers.items())
        return b"%b %b HTTP/1.1\r\n%b\r\n%b" % (place.method.encode(), filled(place.target), lines, body or b"")

    def answers(self, requests: Sequence[bytes], *, seconds: float = 30) -> list[Answer | None]:
        """The answer to each; None: the connection ended without one, or it took longer. What stood behind such a
        request, or behind one after which the server hung up, is sent again."""
        answers: list[Answer | None] = []
        while len(answers) < len(requests):
            waiting = requests[len(answers) :]
            with socket.create_connection(self._address, seconds) as connection, connection.makefile("rb") as read:
                with contextlib.suppress(ConnectionError):
                    connection.sendall(b"".join(waiting))
                found = list(_read_answers(read, len(waiting)))
            answers += found or [None]
        return answers

    def answer(self, request: bytes) -> Answer | None:
        return self.answers([request])[0]


def _read_answers(read: BinaryIO, most: int) -> Iterator[Answer]:
    for _ in range(most):
        try:
            first = read.readline()
            if not first:
                return
            headers = {}
            while (line := read.readline().strip()) != b"":
                name, _, value = line.decode("latin-1").partition(":")
                headers[name.lower()] = value.strip()
            yield Answer(int(first.split()[1]), headers, _read_body(read, headers))
        except (ConnectionError, TimeoutError):
            return
        if headers.get("connection", "").lower() == "close":
            return


def _read_body(read: BinaryIO, headers: Mapping[str, str]) -> bytes:
    if headers.get("transfer-encoding") != "chunked":
        return read.read(int(headers.get("content-length", "0")))
    pieces = []
    while size := int(read.readline(), 16):
        pieces.append(read.read(size))
        read.readline()
    read.readline()
    return b"".join(pieces)


def complaints(caller: Caller, places: Iterable[Place]) -> Iterator[str]:
    """What a server does wrong when hostile texts come to these places: it fails, hangs up, refuses without a problem
    document, lets a text write a header, has changed something though it refused, or isn't well afterwards."""

    for place in places:
        before = last_event(caller)
        answers = answers_at(caller, place, place.texts)
        for text, answer in zip(place.texts, answers, strict=True):
            fault = fault_of(place, text, answer)
            if fault:
                yield f"{place} with {text[:60]!r}: {fault}"
        if has_changed(caller, before):
            # What was taken may change things; what was refused, or only read, is sent once more by itself.
            refused = [
                text
                for text, answer in zip(place.texts, answers, strict=True)
                if answer is None or answer.status >= 400 or place.method == "GET"
            ]
            before = last_event(caller)
            answers_at(caller, place, refused)
            if has_changed(caller, before):
                yield f"{place}: something changed though it was refused, or only read"
    well = caller.answer(caller.request(Place("GET", "/health/ready")))
    if well is None or well.status != 200:
        yield f"the service is not well afterwards: {well}"


def answers_at(caller: Caller, place: Place, texts: Sequence[bytes]) -> list[Answer | None]:
    requests = [caller.request(place, text) for text in texts]
    if place.frames:
        # What comes behind might be its body, and one that announces more than it sends would wait for it.
        return [caller.answers([request], seconds=1)[0] for request in requests]
    # What is no request is refused as soon as it is seen, before others are answered that came with it.
    alone = [_is_no_header(place, text) for text in texts]
    together = iter(caller.answers([request for request, apart in zip(requests, alone, strict=True) if not apart]))
    return [caller.answer(request) if apart else next(together) for request, apart in zip(requests, alone, strict=True)]


def _is_no_header(place: Place, text: bytes) -> bool:
    """Whether the text makes the request's head none (RFC 9110, section 5.5)."""
    return (
        any(MARK in value for value in place.headers.values())
        and re.search(rb"[\0-\x08\x0a-\x1f\x7f]", text) is not None
    )


def fault_of(place: Place, text: bytes, answer: Answer | None) -> str | None:
    if answer is None:
        return None if place.frames else "no answer"
    if answer.status >= 500:
        return f"{answer.status} {answer.body[:200]!r}"
    if "x-injected" in answer.headers:
        return "a header of the text's own"
    below = place.frames or _is_no_header(place, text)
    refused_below = below and answer.status == 400 and answer.headers.get("connection") == "close"
    if answer.status >= 400 and not refused_below and not _is_problem(answer):
        return f"{answer.status} without a problem document: {answer.body[:200]!r}"
    return None


def _is_problem(answer: Answer) -> bool:
    try:
        problem: dict[str, Any] = json.loads(answer.body)
        told = bool(problem["code"]) and problem["request_id"] == answer.headers["x-request-id"]
    except (ValueError, LookupError, TypeError):
        return False
    return told and answer.headers.get("content-type") == "application/problem+json"


def has_changed(caller: Caller, before: str) -> bool:
    """Whether something has happened since but that somebody was told that they may not."""

    if last_event(caller) == before:
        return False
    answer = caller.answer(caller.request(Place("GET", f"/api/v1/events?limit=200&after={before}")))
    assert answer is not None and answer.status == 200, answer
    return any(event["kind"] != "access.refused" for event in json.loads(answer.body)["events"])


def last_event(caller: Caller) -> str:
    answer = caller.answer(caller.request(Place("GET", "/api/v1/events?after=latest")))
    assert answer is not None and answer.status == 200, answer
    return str(json.loads(answer.body)["cursor"])
