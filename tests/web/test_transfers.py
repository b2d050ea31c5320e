"""Bytes in and bytes out."""

from __future__ import annotations

import hashlib
import socket
import threading
import time
from collections.abc import Iterator

import httpx
import psutil
import pytest

from registry_service.domain.errors import InvalidRange
from registry_service.web.ranges import ByteRange, parse_range
from tests.service_fixture import RunningService
from tests.web.stories import API, answered, create_model, digest_of, register

DATA = bytes(range(256)) * 400
MIB = 1024 * 1024


@pytest.fixture(scope="module")
def http(shared_service: RunningService) -> Iterator[httpx.Client]:
    with shared_service.http() as http:
        create_model(http, "a model")
        register(http, "a model", {"dir/ü 1.html": DATA, "empty": b""})
        yield http


FILE = f"{API}/models/a model/versions/1/files/dir/ü 1.html"
EMPTY = f"{API}/models/a model/versions/1/files/empty"


def test_a_file_leaves_inert_and_with_its_digest(http: httpx.Client) -> None:
    answer = http.get(FILE)
    assert (answer.status_code, answer.content) == (200, DATA)
    expected = {
        "etag": f'"{digest_of(DATA)}"',
        "content-type": "application/octet-stream",
        "content-disposition": "attachment; filename*=UTF-8''%C3%BC%201.html",
        "content-length": str(len(DATA)),
        "accept-ranges": "bytes",
        "x-content-type-options": "nosniff",
        "x-model-version": "1",
        "cache-control": "private, no-cache",
    }
    assert {name: answer.headers[name] for name in expected} == expected
    assert "sandbox" in answer.headers["content-security-policy"]


def test_head_says_the_same_without_the_bytes(http: httpx.Client) -> None:
    got, head = http.get(FILE), http.head(FILE)
    assert head.content == b""
    own = {"date", "x-request-id"}
    assert {k: v for k, v in head.headers.items() if k not in own} == {
        k: v for k, v in got.headers.items() if k not in own
    }


@pytest.mark.parametrize(
    ("header", "start", "stop"),
    [("bytes=0-0", 0, 1), ("bytes=5-9", 5, 10), ("bytes=100-", 100, len(DATA)), ("bytes=-7", len(DATA) - 7, len(DATA)),
     ("bytes=0-999999999", 0, len(DATA)), ("bytes=-999999999", 0, len(DATA)), ("BYTES=5-9", 5, 10)],
)  # fmt: skip
def test_one_range_is_206(http: httpx.Client, header: str, start: int, stop: int) -> None:
    answer = http.get(FILE, headers={"range": header})
    assert (answer.status_code, answer.content) == (206, DATA[start:stop])
    assert answer.headers["content-range"] == f"bytes {start}-{stop - 1}/{len(DATA)}"
    head = http.head(FILE, headers={"range": header})
    assert (head.status_code, head.headers["content-length"]) == (206, str(stop - start))


@pytest.mark.parametrize(
    "header", ["bytes=0-1,5-6", "bytes=9-5", "bytes=-", "lines=1-2", "bytes=a-b", "bytes 1-2", "", "bytes=--1"]
)
def test_a_range_that_is_none_is_ignored(http: httpx.Client, header: str) -> None:
    answer = http.get(FILE, headers={"range": header})
    assert (answer.status_code, answer.content) == (200, DATA)


@pytest.mark.parametrize("header", [f"bytes={len(DATA)}-", "bytes=99999999-", "bytes=-0"])
def test_a_range_past_the_end_is_416(http: httpx.Client, header: str) -> None:
    answer = http.get(FILE, headers={"range": header})
    assert (answer.status_code, answer.json()["code"]) == (416, "invalid_range")
    assert answer.headers["content-range"] == f"bytes */{len(DATA)}"


def test_if_range_sends_all_where_the_bytes_are_others(http: httpx.Client) -> None:
    etag = f'"{digest_of(DATA)}"'
    for condition, status in ((etag, 206), ('"sha256:other"', 200), ("Tue, 03 Mar 2026 00:00:00 GMT", 200)):
        assert http.get(FILE, headers={"range": "bytes=0-9", "if-range": condition}).status_code == status


def test_bytes_that_the_caller_has_are_not_sent_again(http: httpx.Client) -> None:
    for given in (f'"{digest_of(DATA)}"', f'W/"{digest_of(DATA)}"', f'"x", "{digest_of(DATA)}"', "*"):
        answer = http.get(FILE, headers={"if-none-match": given})
        assert (answer.status_code, answer.content) == (304, b"")


def test_an_empty_file_has_no_range(http: httpx.Client) -> None:
    assert http.get(EMPTY).content == b""
    assert http.get(EMPTY, headers={"range": "bytes=0-"}).status_code == 416


def test_a_range_of_nothing_is_refused() -> None:
    assert parse_range("bytes=0-0", 1) == ByteRange(0, 1)
    with pytest.raises(InvalidRange):
        parse_range("bytes=-5", 0)


def _announce(http: httpx.Client, data: bytes, size: int | None = None) -> str:
    files = [{"digest": digest_of(data), "size": len(data) if size is None else size}]
    upload = answered(http.post(f"{API}/uploads", json={"model": "a model", "files": files}), 201)
    return f"{API}/uploads/{upload['id']}/files/{digest_of(data)}"


def test_what_was_announced_is_taken_and_twice_does_no_harm(http: httpx.Client) -> None:
    path = _announce(http, b"fresh bytes")
    for _ in range(2):
        assert answered(http.put(path, content=b"fresh bytes"))["received"]
    # An Idempotency-Key is of no use here, and no harm either.
    answered(http.put(path, content=b"fresh bytes", headers={"idempotency-key": "k"}))


def test_other_bytes_are_refused_and_the_right_ones_then_taken(http: httpx.Client) -> None:
    path = _announce(http, b"the right bytes")
    assert answered(http.put(path, content=b"the wrong bytes"), 400)["code"] == "digest_mismatch"
    assert answered(http.put(path, content=b"short"), 400)["code"] == "size_mismatch"
    assert answered(http.put(path, content=b"far too many bytes"), 400)["code"] == "size_mismatch"
    answered(http.put(path, content=b"the right bytes"))


def test_a_length_must_be_announced(http: httpx.Client) -> None:
    path = _announce(http, b"chunked bytes")
    assert answered(http.put(path, content=iter([b"chunked ", b"bytes"])), 411)["code"] == "length_required"


def test_a_body_beyond_the_limit_of_json_is_taken_with_flat_memory(shared_service: RunningService) -> None:
    size = 48 * MIB
    with shared_service.http() as http:
        piece = b"x" * MIB
        digest = f"sha256:{hashlib.sha256(piece * 48).hexdigest()}"
        files = [{"digest": digest, "size": size}]
        upload = answered(http.post(f"{API}/uploads", json={"model": "a model", "files": files}), 201)
        before = psutil.Process().memory_info().rss
        peak = before
        sending = iter([piece] * 48)

        def watched() -> Iterator[bytes]:
            nonlocal peak
            for chunk in sending:
                peak = max(peak, psutil.Process().memory_info().rss)
                yield chunk

        path = f"{API}/uploads/{upload['id']}/files/{digest}"
        assert answered(http.put(path, content=watched(), headers={"content-length": str(size)}))["received"]
        assert peak - before < 24 * MIB


def test_an_upload_that_breaks_off_leaves_nothing(shared_service: RunningService, http: httpx.Client) -> None:
    data = b"y" * MIB
    path = _announce(http, data)
    with socket.create_connection(("127.0.0.1", shared_service.settings.port)) as raw:
        head = (
            f"PUT {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {shared_service.person}\r\n"
            f"Content-Length: {len(data)}\r\n\r\n"
        )
        raw.sendall(head.encode() + data[: MIB // 2])
        time.sleep(0.2)
    deadline = time.monotonic() + 5
    leftovers = shared_service.artifacts / "uploads"
    while time.monotonic() < deadline and [f for f in leftovers.rglob("*") if f.is_file()]:
        time.sleep(0.05)
    assert [f for f in leftovers.rglob("*") if f.is_file()] == []
    assert answered(http.put(path, content=data))["received"]


def test_an_upload_belongs_to_who_began_it(shared_service: RunningService, http: httpx.Client) -> None:
    path = _announce(http, b"mine")
    with shared_service.http(token=shared_service.token_of("mallory", role="admin")) as other:
        session = path.partition("/files/")[0]
        for answer in (other.put(path, content=b"mine"), other.get(session), other.delete(session)):
            assert answered(answer, 404)["code"] == "upload_not_found"
    answered(http.put(path, content=b"mine"))
    answered(http.delete(session), 204)
    assert answered(http.get(session), 409)["code"] == "upload_closed"


def test_a_reader_that_goes_away_stops_the_download(shared_service: RunningService, http: httpx.Client) -> None:
    register(http, "a model", {"large": b"z" * (16 * MIB)})
    path = f"{API}/models/a%20model/versions/latest/files/large"
    with socket.create_connection(("127.0.0.1", shared_service.settings.port)) as raw:
        raw.sendall(
            f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {shared_service.person}\r\n\r\n".encode()
        )
        assert raw.recv(1000).startswith(b"HTTP/1.1 200")
    blob = digest_of(b"z" * (16 * MIB)).partition(":")[2]
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline and _open_files(blob):
        time.sleep(0.05)
    assert not _open_files(blob)


def _open_files(name: str) -> list[str]:
    return [file.path for file in psutil.Process().open_files() if name in file.path]


def test_many_transfers_at_once_are_all_whole(shared_service: RunningService, http: httpx.Client) -> None:
    failures: list[object] = []

    def transfer(number: int) -> None:
        data = bytes([number]) * (MIB + number)
        with shared_service.http() as own:
            path = _announce(own, data)
            if own.put(path, content=data).status_code != 200:
                failures.append(number)
            if own.get(FILE).content != DATA:
                failures.append(("get", number))

    threads = [threading.Thread(target=transfer, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
