"""Pages and their parts go out packed to browsers that take them so, and to others as they are."""

from __future__ import annotations

import re

import httpx
import pytest

from registry_service.web.ui.assets import all_assets, asset_url
from registry_service.web.ui.packing import takes_packed
from tests.service_fixture import RunningService
from tests.web.stories import API, answered

BROWSER = {"accept": "text/html"}
OURS = {"sec-fetch-site": "same-origin"}


@pytest.mark.parametrize(
    ("given", "taken"),
    [
        ("gzip", True),
        ("gzip, deflate, br, zstd", True),
        ("br;q=1.0, GZIP;q=0.5", True),
        ("br, gzip;q=0.001", True),
        ("", False),
        ("identity", False),
        ("br", False),
        ("gzip;q=0", False),
        ("gzip; q=0.000, br", False),
        ("x-gzip-like", False),
    ],
)
def test_a_browser_says_whether_it_takes_what_is_packed(given: str, taken: bool) -> None:
    assert takes_packed({"accept-encoding": given}) is taken


def test_one_that_says_nothing_takes_nothing_packed() -> None:
    assert takes_packed({}) is False


def test_a_page_is_the_same_packed_and_as_it_is(shared_service: RunningService) -> None:
    with shared_service.http() as api:
        link = answered(api.post(f"{API}/login-links", json={}), 201)["url"]
    with httpx.Client(base_url=shared_service.url, headers=BROWSER) as http:
        for path, status in (("/login", 200), ("/", 303)):
            assert_same(http, path, status)
        assert http.post("/login", json={"token": link.partition("#")[2]}, headers=OURS).status_code == 204
        for path, status in (("/models", 200), ("/tokens", 200), ("/models/none", 404), ("/none", 404)):
            assert_same(http, path, status)


def test_every_asset_is_the_same_packed_and_as_it_is(shared_service: RunningService) -> None:
    with httpx.Client(base_url=shared_service.url) as http:
        for name, asset in all_assets().items():
            assert assert_same(http, asset_url(name), 200) == asset.body


def test_what_programs_ask_for_is_not_packed(shared_service: RunningService) -> None:
    with shared_service.http() as http:
        answer = http.get("/models/none", headers={"accept-encoding": "gzip", "accept": "application/json"})
        assert answer.status_code == 404
        assert "content-encoding" not in answer.headers


def assert_same(http: httpx.Client, path: str, status: int) -> bytes:
    """The body of what is at the path, however it comes."""

    plain = http.get(path, headers={"accept-encoding": "identity"})
    packed = http.get(path, headers={"accept-encoding": "gzip"})
    assert plain.status_code == packed.status_code == status, path
    assert the_same_of(plain) == the_same_of(packed)
    assert "content-encoding" not in plain.headers
    if status == 303:
        return plain.content
    assert "accept-encoding" in plain.headers["vary"]
    assert plain.headers["vary"] == packed.headers["vary"]
    assert packed.headers["content-encoding"] == "gzip"
    assert int(packed.headers["content-length"]) == packed.num_bytes_downloaded
    assert int(plain.headers["content-length"]) == len(plain.content)
    return plain.content


def the_same_of(answer: httpx.Response) -> bytes:
    """A refusal names its request, and a page when it was looked at."""
    return re.sub(rb"<time .*?</time>", b"", answer.content.replace(answer.headers["x-request-id"].encode(), b""))
