"""What the server refuses before there is a request, and how it ends."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from registry_service.domain.errors import InvalidInput
from registry_service.web.limits import MAX_HEAD_BYTES
from registry_service.web.server import listen
from tests.service_fixture import RunningService, StartService
from tests.web.stories import API, answered


def raw(service: RunningService, data: bytes) -> bytes:
    """What comes back for these bytes, until the service closes or is silent."""
    with socket.create_connection(("127.0.0.1", service.settings.port), timeout=5) as connection:
        received = b""
        try:
            connection.sendall(data)
            connection.settimeout(0.5)
            while chunk := connection.recv(65536):
                received += chunk
        except (TimeoutError, ConnectionError):
            pass
        return received


def is_cut_off(service: RunningService, data: bytes) -> bool:
    """Whether the service closes the connection, at the latest when it has all of these bytes."""
    with socket.create_connection(("127.0.0.1", service.settings.port), timeout=3) as connection:
        try:
            for start in range(0, len(data), 4096):
                connection.sendall(data[start : start + 4096])
            while connection.recv(65536):
                pass
        except ConnectionError:
            return True
        except TimeoutError:
            return False
        return True


def status(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


def test_a_head_of_any_size_is_not_gathered(shared_service: RunningService) -> None:
    small = b"GET /health/live HTTP/1.1\r\nHost: localhost\r\nX-A: " + b"a" * 1000 + b"\r\n\r\n"
    assert status(raw(shared_service, small)) == 200
    for large in (
        b"GET /health/live HTTP/1.1\r\nHost: localhost\r\nX-A: " + b"a" * 50 * MAX_HEAD_BYTES,
        b"GET /" + b"a" * 50 * MAX_HEAD_BYTES,
        b"GET / HTTP/1.1\r\n" + b"X-A: b\r\n" * 50 * MAX_HEAD_BYTES,
    ):
        assert is_cut_off(shared_service, large)


@pytest.mark.parametrize(
    ("target", "header"),
    [
        ("/models/a\0b", ""),
        ("/models?cursor=a\0b", ""),
        ("/models", "Authorization: Bearer a\0b"),
        ("/models", "Idempotency-Key: a\0b"),
        ("/models", 'If-Match: "1\0"'),
        ("/models", 'If-None-Match: "1\0"'),
        ("/models", "X-Request-Id: a\0b"),
    ],
)
def test_a_nul_in_the_head_is_refused(shared_service: RunningService, target: str, header: str) -> None:
    head = f"GET {API}{target} HTTP/1.1\r\nHost: localhost\r\n{header or 'X-A: b'}\r\n\r\n"
    assert status(raw(shared_service, head.encode())) == 400
    assert status(raw(shared_service, head.replace("\0", "").encode())) == 401


def test_a_head_that_comes_drop_by_drop_is_cut(start_service: StartService) -> None:
    service = start_service(head_seconds=0.3)
    with socket.create_connection(("127.0.0.1", service.settings.port), timeout=5) as connection:
        began = time.monotonic()
        with pytest.raises((ConnectionError, AssertionError)):  # noqa: PT012 - it may be noticed at either call
            while time.monotonic() - began < 4:
                connection.sendall(b"G" if time.monotonic() - began < 0.1 else b"E")
                time.sleep(0.05)
                connection.settimeout(0.01)
                try:
                    assert connection.recv(1)
                except TimeoutError:
                    connection.settimeout(5)
        assert time.monotonic() - began < 2


def test_a_silent_connection_is_closed(start_service: StartService) -> None:
    service = start_service(head_seconds=0.2)
    with socket.create_connection(("127.0.0.1", service.settings.port), timeout=5) as connection:
        assert connection.recv(1) == b""


def test_a_kept_connection_answers_again_and_again(shared_service: RunningService) -> None:
    with shared_service.http() as http:
        for _ in range(50):
            assert http.get("/health/live").status_code == 200
        large = b'{"name": "' + b"x" * 200_000 + b'"}'
        for _ in range(5):  # a long body is no long head
            assert (
                http.post(f"{API}/models", content=large, headers={"content-type": "application/json"}).status_code
                == 400
            )


def test_pipelined_requests_are_answered_in_order(shared_service: RunningService) -> None:
    one = b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n"
    answers = raw(shared_service, one * 5)
    assert answers.count(b"HTTP/1.1 200 OK") == 5


@pytest.mark.parametrize("target", [b"http://evil.test/health/live", b"//evil.test/x", b"*"])
def test_a_target_that_is_no_path_of_ours_is_refused(shared_service: RunningService, target: bytes) -> None:
    answer = raw(shared_service, b"GET " + target + b" HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert answer == b"" or status(answer) in {400, 401, 404}
    assert b"evil" not in answer


@pytest.mark.parametrize(
    "head",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nHost: evil.test\r\n\r\n",
        b"\x16\x03\x01\x02\x00",
        b"GET / HTTP/9.9\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
        b"GET /\xff HTTP/1.1\r\nHost: localhost\r\n\r\n",
    ],
)
def test_a_head_that_is_wrong_is_refused(shared_service: RunningService, head: bytes) -> None:
    answer = raw(shared_service, head)
    assert answer == b"" or status(answer) in {400, 401, 421}, answer


def test_a_refusal_of_what_is_no_request_is_not_taken_for_the_answer_to_the_one_before(
    shared_service: RunningService,
) -> None:
    head = f"HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {shared_service.person}\r\n"
    waits = f"GET {API}/events?after=latest&wait=1 {head}\r\n".encode()
    writes = f'POST {API}/models {head}Content-Length: 21\r\n\r\n{{"name": "the first"}}'.encode()
    quick = b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n"
    for before in (waits, writes, quick + writes, quick + quick + waits):
        for wrong in (b"rubbish\r\n\r\n", b"GET http://other/ HTTP/1.1\r\nHost: other\r\n\r\n"):
            assert b" 400 " not in raw(shared_service, before + wrong), (before, wrong)


def test_what_is_no_request_is_refused_as_all_else_is(shared_service: RunningService) -> None:
    head, _, body = raw(shared_service, b"GET / HTTP/9.9\r\n\r\n").partition(b"\r\n\r\n")
    assert b"content-type: application/problem+json" in head and b"x-content-type-options: nosniff" in head
    problem = json.loads(body)
    assert (problem["status"], problem["code"]) == (400, "invalid_input")
    assert f"x-request-id: {problem['request_id']}".encode() in head


def test_what_is_no_request_is_refused_once_the_one_before_is_answered(shared_service: RunningService) -> None:
    with socket.create_connection(("127.0.0.1", shared_service.settings.port), timeout=5) as connection:
        connection.sendall(b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert status(connection.recv(65536)) == 200
        connection.sendall(b"rubbish\r\n\r\n")
        assert status(connection.recv(65536)) == 400


def test_a_body_whose_pieces_are_wrong_is_refused(shared_service: RunningService) -> None:
    head = f"POST {API}/models HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {shared_service.person}\r\n"
    chunked = f"{head}Transfer-Encoding: chunked\r\n\r\nzz\r\nno size\r\n".encode()
    assert status(raw(shared_service, chunked)) == 400


def test_upgrades_are_not_known(shared_service: RunningService) -> None:
    head = (
        b"GET /health/live HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
    assert not raw(shared_service, head).startswith(b"HTTP/1.1 101")


def test_a_huge_body_without_a_token_is_refused_with_flat_memory(shared_service: RunningService) -> None:
    import psutil

    before = psutil.Process().memory_info().rss
    length = 256 * 1024 * 1024
    head = (
        f"POST {API}/models HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/form-data; boundary=x\r\n"
        f"Content-Length: {length}\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", shared_service.settings.port), timeout=5) as connection:
        connection.sendall(head.encode())
        assert status(connection.recv(4096)) == 413
        sent = 0
        piece = b"x" * 65536
        try:
            while sent < length:
                connection.sendall(piece)
                sent += len(piece)
        except (ConnectionError, TimeoutError):
            pass
    assert psutil.Process().memory_info().rss - before < 16 * 1024 * 1024


def test_no_answer_names_the_software(shared_service: RunningService) -> None:
    with shared_service.http() as http:
        assert "server" not in http.get("/health/live").headers


def test_an_address_in_use_is_told(shared_service: RunningService) -> None:
    with pytest.raises(InvalidInput, match="MODEL_REGISTRY_PORT"):
        listen("127.0.0.1", shared_service.settings.port)


SERVE = "from registry_service.app import serve; serve()"


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "MODEL_REGISTRY_HOME": str(tmp_path / "home"),
        "MODEL_REGISTRY_PORT": "0",
        "MODEL_REGISTRY_LOG": "json",
        "MODEL_REGISTRY_PERSON": "ada",
    }


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_serve_starts_from_nothing_tells_where_it_is_and_ends_cleanly(
    tmp_path: Path, environment: dict[str, str], number: signal.Signals
) -> None:
    log = tmp_path / "log"
    with log.open("wb") as sink:
        process = subprocess.Popen([sys.executable, "-c", SERVE], env=environment, stdout=sink, stderr=sink)
    try:
        kept = _wait_for(tmp_path / "home" / "credentials" / "airflow.json")
        person = json.loads((tmp_path / "home" / "credentials" / "person.json").read_text())
        headers = {"Authorization": f"Bearer {person['token']}"}
        with httpx.Client(base_url=person["url"], headers=headers, trust_env=False) as http:
            answered(http.post(f"{API}/models", json={"name": "m"}), 201)
            http.get(f"{API}/models/a%0d%0a%1b[31mb")
        process.send_signal(number)
        assert process.wait(15) == 0
    finally:
        process.kill()
        process.wait()
    text = log.read_text()
    assert person["url"] in text and "you are    'ada', admin" in text
    assert person["token"] not in text and kept["token"] not in text
    assert "\x1b" not in text
    lines = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
    seen = [
        (line["method"], line["path"], line["status"], line["actor"]) for line in lines if line["event"] == "request"
    ]
    assert seen == [("POST", f"{API}/models", 201, "ada"), ("GET", f"{API}/models/a\\r\\n\\x1b[31mb", 400, "ada")]
    assert not [line for line in lines if line["level"] == "error"]


@pytest.mark.slow
def test_a_poll_that_waits_does_not_delay_the_end(tmp_path: Path, environment: dict[str, str]) -> None:
    process = subprocess.Popen([sys.executable, "-c", SERVE], env=environment, stderr=subprocess.DEVNULL)
    try:
        _wait_for(tmp_path / "home" / "credentials" / "airflow.json")
        person = json.loads((tmp_path / "home" / "credentials" / "person.json").read_text())
        headers = {"Authorization": f"Bearer {person['token']}"}
        with (
            httpx.Client(base_url=person["url"], headers=headers, trust_env=False, timeout=60) as http,
            ThreadPoolExecutor(1) as other,
        ):
            poll = other.submit(http.get, f"{API}/events", params={"after": "latest", "wait": 50})
            time.sleep(1)
            assert not poll.done()
            began = time.monotonic()
            process.send_signal(signal.SIGTERM)
            page = answered(poll.result(60))
            assert process.wait(60) == 0
            took = time.monotonic() - began
        assert page["events"] == [] and page["cursor"]
        # By the answer alone it ended by itself: a poll that waited on would have been cut, without one.
        assert took < 20
    finally:
        process.kill()
        process.wait()


def test_serve_refuses_an_open_door_in_one_line(environment: dict[str, str]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SERVE],
        env={**environment, "MODEL_REGISTRY_HOST": "0.0.0.0"},
        capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip
    assert done.returncode != 0
    assert "InvalidInput: 0.0.0.0 can be reached from other machines" in done.stderr


def _wait_for(path: Path) -> dict[str, str]:
    deadline = time.monotonic() + 60
    while not path.exists():
        assert time.monotonic() < deadline, "no token file in 60 s"
        time.sleep(0.05)
    found: dict[str, str] = json.loads(path.read_text())
    return found
