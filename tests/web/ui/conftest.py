"""Real browsers before a real service in which there is something to see."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page

from tests.service_fixture import RunningService, running, settings_for
from tests.web.stories import API, answered
from tests.web.ui.showcase import Showcase, build_showcase

# What a browser says of an answer that a test asks for.
_EXPECTED = "Failed to load resource: the server responded with a status of 4"


@pytest.fixture
def shown(tmp_path: Path) -> Iterator[tuple[RunningService, Showcase]]:
    """A service of the test's own with all of the showcase in it."""
    with running(settings_for(tmp_path / "service")) as service:
        yield service, build_showcase(service)


@pytest.fixture(scope="module")
def shared_show(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[RunningService, Showcase]]:
    """The same for tests that only look."""
    with running(settings_for(tmp_path_factory.mktemp("show") / "service")) as service:
        yield service, build_showcase(service)


LogIn = Callable[[RunningService, str], Page]


@pytest.fixture
def log_in(browser: Browser) -> Iterator[LogIn]:
    """A page in a browser of its own, logged in by a link for the holder of a token. Whatever the page's console says
    is a failure: what a strict policy of content stops is told there."""
    complaints: list[str] = []
    contexts = []

    def heard(message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"} and not message.text.startswith(_EXPECTED):
            complaints.append(message.text)

    def open_page(service: RunningService, token: str) -> Page:
        context = browser.new_context(viewport={"width": 1280, "height": 900}, base_url=service.url)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(10_000)
        page.on("console", heard)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        with service.http(token) as http:
            link = answered(http.post(f"{API}/login-links", json={}), 201)["url"]
        page.goto(link)
        page.wait_for_url(f"{service.url}/")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert complaints == []
