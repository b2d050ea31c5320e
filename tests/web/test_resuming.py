"""Files that come in several requests."""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any

import httpx
import pytest

from tests.service_fixture import RunningService, StartService
from tests.web.logged import logged
from tests.web.stories import API, answered, create_model, digest_of

DATA = os.urandom(3_000_000)
DIGEST = digest_of(DATA)
ANNOUNCED = {"model": "a model", "files": [{"digest": DIGEST, "size": len(DATA)}]}


@pytest.fixture(scope="module")
def http(shared_service: RunningService) -> Iterator[httpx.Client]:
    with shared_service.http() as http:
        create_model(http, "a model")
        yield http


def announced(http: httpx.Client, *, data: bytes = DATA, resume: bool = False) -> str:
    files = [{"digest": digest_of(data), "size": len(data)}]
    return str(_started(http, files, resume=resume)["id"])


def _started(http: httpx.Client, files: list[dict[str, Any]], *, resume: bool) -> Any:
    answer = http.post(f"{API}/uploads", json={"model": "a model", "files": files, "resume": resume})
    assert answer.status_code in {200, 201}, answer.text
    return answer.json()


def file_of(upload: str, digest: str = DIGEST) -> str:
    return f"{API}/uploads/{upload}/files/{digest}"


def go_on(http: httpx.Client, upload: str, start: int, data: bytes) -> httpx.Response:
    return http.patch(file_of(upload), content=data, headers={"upload-offset": str(start)})


def test_a_file_comes_in_parts(http: httpx.Client) -> None:
    upload = announced(http)
    untouched = {"upload": upload, "digest": DIGEST, "size": len(DATA), "kept": 0, "received": False}
    assert answered(http.get(file_of(upload))) == untouched
    assert answered(go_on(http, upload, 0, DATA[:1_000_000])) == {**untouched, "kept": 1_000_000}
    assert answered(http.get(file_of(upload))) == {**untouched, "kept": 1_000_000}
    whole = {**untouched, "kept": len(DATA), "received": True}
    assert answered(go_on(http, upload, 1_000_000, DATA[1_000_000:])) == whole
    assert answered(http.get(f"{API}/uploads/{upload}"))["missing"] == []
    assert answered(go_on(http, upload, 1_000_000, DATA[1_000_000:])) == whole, "sent again, it does no harm"


def test_what_does_not_go_on_is_refused_with_where_it_would(http: httpx.Client) -> None:
    upload = announced(http)
    answered(go_on(http, upload, 0, DATA[:500_000]))
    refused = answered(go_on(http, upload, 400_000, DATA[400_000:]), 409)
    assert (refused["code"], refused["details"]["kept"]) == ("offset_mismatch", 500_000)
    assert answered(http.get(file_of(upload)))["kept"] == 500_000


@pytest.mark.parametrize("offset", [None, "", "-1", "x", "1.5", "٣", "9" * 19])
def test_an_offset_is_a_number(http: httpx.Client, offset: str | None) -> None:
    headers = {} if offset is None else {b"upload-offset": offset.encode()}
    answer = http.patch(file_of(announced(http)), content=b"x", headers=headers)
    assert answered(answer, 400)["details"]["field"] == "Upload-Offset"


def test_more_than_the_file_has_is_refused_before_it_is_sent(http: httpx.Client) -> None:
    upload = announced(http)
    assert answered(go_on(http, upload, 10, DATA), 400)["code"] == "size_mismatch"
    assert answered(http.get(file_of(upload)))["kept"] == 0


def test_a_length_must_be_announced(http: httpx.Client) -> None:
    answer = http.patch(file_of(announced(http)), content=iter([DATA]), headers={"upload-offset": "0"})
    assert answered(answer, 411)["code"] == "length_required"


def test_other_bytes_are_refused_at_the_end_and_begin_anew(http: httpx.Client) -> None:
    upload = announced(http)
    answered(go_on(http, upload, 0, b"!" + DATA[1:1_000_000]))
    assert answered(go_on(http, upload, 1_000_000, DATA[1_000_000:]), 400)["code"] == "digest_mismatch"
    assert answered(http.get(file_of(upload)))["kept"] == 0
    assert answered(go_on(http, upload, 0, DATA))["received"]


def test_what_came_before_a_break_is_kept(shared_service: RunningService, http: httpx.Client) -> None:
    upload = announced(http)
    with socket.create_connection(("127.0.0.1", shared_service.settings.port)) as raw:
        head = (
            f"PATCH {file_of(upload)} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {shared_service.person}\r\n"
            f"Upload-Offset: 0\r\nContent-Length: {len(DATA)}\r\n\r\n"
        )
        raw.sendall(head.encode() + DATA[:2_500_000])
        time.sleep(0.2)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and not (kept := answered(http.get(file_of(upload)))["kept"]):
        time.sleep(0.05)
    assert 0 < kept <= 2_500_000
    answer = go_on(http, upload, kept, DATA[kept:])
    if answer.status_code == HTTPStatus.CONFLICT:
        # What had come before the break was still being written when its length was asked for. Nothing is written any
        # more once another request has tried to go on.
        now_kept = answered(answer, 409)["details"]["kept"]
        assert kept < now_kept <= 2_500_000
        answer = go_on(http, upload, now_kept, DATA[now_kept:])
    assert answered(answer)["received"]


def test_the_same_announcement_goes_on_with_the_open_session_if_asked_to(
    shared_service: RunningService, http: httpx.Client
) -> None:
    upload = announced(http)
    assert announced(http, resume=True) == upload
    assert announced(http, resume=False) != upload
    assert announced(http, data=DATA + b"!", resume=True) != upload
    mine = {"digest": DIGEST, "size": len(DATA)}
    other = {"digest": digest_of(b"other"), "size": 5}
    assert _started(http, [mine, other], resume=True)["id"] != upload
    with shared_service.http(token=shared_service.token_of("carl", role="contributor")) as carl:
        assert announced(carl, resume=True) != upload
        assert answered(carl.get(file_of(upload)), 404)["code"] == "upload_not_found"
        assert answered(go_on(carl, upload, 0, DATA), 404)["code"] == "upload_not_found"


def test_own_open_sessions_are_listed_page_by_page(shared_service: RunningService) -> None:
    with shared_service.http(token=shared_service.token_of("lisa", role="contributor")) as lisa:
        begun = [announced(lisa) for _ in range(3)]
        first = answered(lisa.get(f"{API}/uploads", params={"limit": 2}))
        rest = answered(lisa.get(f"{API}/uploads", params={"limit": 2, "cursor": first["next_cursor"]}))
        found = [*first["items"], *rest["items"]]
        assert [upload["id"] for upload in found] == begun[::-1]
        assert [upload["missing"] for upload in found] == [[DIGEST]] * 3
        answered(lisa.delete(f"{API}/uploads/{begun[0]}"), 204)
        assert len(answered(lisa.get(f"{API}/uploads"))["items"]) == 2
        assert answered(lisa.get(f"{API}/uploads", params={"filter": "id = '1'"}), 400)["code"] == "invalid_filter"


def test_a_caller_that_goes_away_is_no_fault_of_the_service(shared_service: RunningService, http: httpx.Client) -> None:
    upload = announced(http)
    with logged() as log:
        with socket.create_connection(("127.0.0.1", shared_service.settings.port)) as raw:
            head = (
                f"PATCH {file_of(upload)} HTTP/1.1\r\nHost: 127.0.0.1\r\nUpload-Offset: 0\r\n"
                f"Authorization: Bearer {shared_service.person}\r\nContent-Length: {len(DATA)}\r\n\r\n"
            )
            raw.sendall(head.encode() + DATA[:1_000_000])
            time.sleep(0.2)
        deadline = time.monotonic() + 30
        while '"PATCH"' not in log.getvalue():
            assert time.monotonic() < deadline, log.getvalue()
            time.sleep(0.05)
    [line] = [json.loads(line) for line in log.getvalue().splitlines()]
    assert (line["event"], line["status"]) == ("request", 400)


def test_an_aborted_session_keeps_nothing(shared_service: RunningService, http: httpx.Client) -> None:
    upload = announced(http)
    answered(go_on(http, upload, 0, DATA[:500_000]))
    answered(http.delete(f"{API}/uploads/{upload}"), 204)
    assert list((shared_service.artifacts / "uploads").glob(f"{upload}.*")) == []
    assert answered(go_on(http, upload, 500_000, DATA[500_000:]), 409)["code"] == "upload_closed"


def test_what_nobody_goes_on_with_expires_with_its_bytes_and_what_moves_does_not(start_service: StartService) -> None:
    now = datetime.now(UTC)
    service = start_service(clock=lambda: now)
    with service.http() as http:
        create_model(http, "a model")
        stale, moving = announced(http), announced(http)
        for upload in (stale, moving):
            answered(go_on(http, upload, 0, DATA[:500_000]))
        now += timedelta(hours=20)
        answered(go_on(http, moving, 500_000, DATA[500_000:1_000_000]))
        now += timedelta(hours=5)
        kept = service.artifacts / "uploads"
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline and list(kept.glob(f"{stale}.*")):
            time.sleep(0.1)
        assert [file.name.partition(".")[0] for file in kept.iterdir()] == [moving]
        assert answered(http.get(file_of(stale)), 409)["code"] == "upload_closed"
        assert answered(go_on(http, moving, 1_000_000, DATA[1_000_000:]))["received"]
