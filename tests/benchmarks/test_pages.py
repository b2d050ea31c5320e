"""What the benchmark of pages takes for a page, and what it doesn't: nothing that isn't the page may count as fast."""

from __future__ import annotations

import gzip
import re
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import NamedTuple

import pytest
from litestar.routes import HTTPRoute

from registry_service.web.routes import build_routes
from tests.service_fixture import RunningService

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

from pages import Asked, Browser, Shown, log_in, pages_of

PAGES = pages_of(Shown(newest=100, waiting="waits", applied="applied", preview="preview"))
NO_PAGES = {
    "/static/{of_edition:str}/{name:str}",  # weighed with the pages
    "/compare.csv",
    "/log.jsonl",
    "/log.csv",
    "/pictures/{model:str}/{selector:str}/{check:str}/{name:str}",
}
ASKED = Asked("/models", "what it shows")
PAGE = (
    '<link rel="stylesheet" href="/static/1/pages.css"><script src="/static/1/pages.js"></script><p>what it shows</p>'
)
STYLE = "p { color: black }"


class Answer(NamedTuple):
    status: int = 200
    body: str = ""
    packed: bool = False
    location: str = ""


GOOD = {
    "/models": Answer(body=PAGE),
    "/static/1/pages.css": Answer(body=STYLE),
    "/static/1/pages.js": Answer(body='import { a } from "./acts.js";\nimport "./acts.js";\n'),
    "/static/1/acts.js": Answer(body='import { b } from "./pages.js";\n'),
    "/login": Answer(body="<h1>Log in</h1>"),
}


@contextmanager
def serving(answers: dict[str, Answer]) -> Iterator[Browser]:
    """A browser before a server that answers so."""

    class Fake(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            answer = answers.get(self.path, Answer(404))
            body = gzip.compress(answer.body.encode()) if answer.packed else answer.body.encode()
            self.send_response(answer.status)
            self.send_header("Content-Type", "text/html")
            self.send_header("Content-Length", str(len(body)))
            if answer.packed:
                self.send_header("Content-Encoding", "gzip")
            if answer.location:
                self.send_header("Location", answer.location)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Fake) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield Browser(f"http://127.0.0.1:{server.server_port}", {"grace": "session=none"})
        server.shutdown()


def test_a_page_is_weighed_with_its_style_and_all_that_its_scripts_import() -> None:
    with serving(GOOD) as browser:
        weights = browser.weigh(ASKED)
        assert len(browser.times(ASKED, least=3, seconds=0.0)) == 3
    all_ = sum(len(GOOD[path].body) for path in GOOD if path != "/login")
    assert weights == {"page_kb": len(PAGE) / 1000, "served_kb": all_ / 1000, "plain_kb": all_ / 1000}


def test_what_comes_packed_is_weighed_as_it_comes() -> None:
    packed = Answer(body=PAGE + "<p>more of it</p>" * 1000, packed=True)
    with serving(GOOD | {"/models": packed}) as browser:
        weights = browser.weigh(ASKED)
        assert len(browser.times(ASKED, least=2, seconds=0.0)) == 2
    assert weights["served_kb"] < 1
    assert 17 < weights["page_kb"] < weights["plain_kb"]


@pytest.mark.parametrize(
    "answer",
    [
        Answer(303, location="/login"),
        Answer(404, PAGE),
        Answer(500, PAGE),
        Answer(200, "<h1>Log in</h1>"),
        Answer(200, PAGE.replace("what it shows", "Nothing is there")),
        Answer(200, PAGE.replace("what it shows", "Nothing is there"), packed=True),
    ],
)
def test_what_comes_in_the_place_of_a_page_is_an_error(answer: Answer) -> None:
    with serving(GOOD | {"/models": answer}) as browser:
        with pytest.raises(RuntimeError, match="/models"):
            browser.times(ASKED, least=1, seconds=0.0)
        with pytest.raises(RuntimeError, match="/models"):
            browser.weigh(ASKED)


@pytest.mark.parametrize("path", ["/static/1/pages.css", "/static/1/pages.js", "/static/1/acts.js"])
def test_a_page_without_one_of_its_parts_is_an_error(path: str) -> None:
    others = {name: answer for name, answer in GOOD.items() if name != path}
    with serving(others) as browser, pytest.raises(RuntimeError, match=path):
        browser.weigh(ASKED)


def test_a_page_without_any_style_is_an_error() -> None:
    bare = Answer(body="<p>what it shows</p>")
    with serving({"/models": bare}) as browser, pytest.raises(RuntimeError, match="no style"):
        browser.weigh(ASKED)


def test_a_session_that_ended_is_an_error(shared_service: RunningService) -> None:
    asked = PAGES["policies"]
    good = Browser(shared_service.url, {"grace": log_in(shared_service.url, shared_service.person)})
    assert good.weigh(asked)["plain_kb"] > 10
    for cookie in ("", "model-registry=none"):
        ended = Browser(shared_service.url, {"grace": cookie})
        with pytest.raises(RuntimeError, match="303"):
            ended.times(asked, least=1, seconds=0.0)
        with pytest.raises(RuntimeError, match="303"):
            ended.weigh(asked)


def test_every_page_is_measured() -> None:
    asked = [page.path.partition("?")[0] for page in PAGES.values()]
    served = pages_served()
    assert served > NO_PAGES
    for path in served - NO_PAGES:
        wanted = re.compile(re.sub(r"\{\w+:str\}", "[^/]+", path))
        assert any(wanted.fullmatch(one) for one in asked), f"benchmarks/pages.py doesn't ask for {path}"


def pages_served() -> set[str]:
    """What a browser may open, apart from what is there for programs."""

    return {
        route.path
        for route in build_routes().routes
        if isinstance(route, HTTPRoute)
        and any("GET" in handler.http_methods for handler in route.route_handlers)
        and not route.path.startswith(("/api/", "/health/", "/metrics", "/openapi.json"))
    }
