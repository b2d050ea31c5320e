"""Pictures of the pages for the docs, taken in a real browser of the showcase: `make screenshots`."""

from __future__ import annotations

import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

from tests.browsers import CHROMIUM, OPTIONS
from tests.service_fixture import running, settings_for
from tests.web.stories import API, answered
from tests.web.ui.showcase import MODEL, Showcase, build_showcase

IMAGES = Path(__file__).parents[3] / "docs" / "images"
WIDTH, HEIGHT = 1280, 860


def shots(show: Showcase) -> dict[str, str]:
    """Each picture by its name, and the page that is on it."""
    return {
        "home": "/",
        "models": "/models",
        "model": f"/models/{MODEL}",
        "version": f"/models/{MODEL}/versions/5",
        "compare": f"/compare?versions={MODEL}/2,{MODEL}/3,{MODEL}/4,{MODEL}/5",
        "promotion": f"/promotions/{show.waiting}",
        "live": f"/live?model={MODEL}",
        "log": "/log",
        "people": "/admin/people",
        "policies": "/admin/policies",
    }


def main() -> None:
    if CHROMIUM is None:
        raise SystemExit("There is no chromium: apt-get install chromium")
    IMAGES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as directory, running(settings_for(Path(directory) / "service")) as service:
        show = build_showcase(service)
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=OPTIONS)
            page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT}, base_url=service.url)
            with service.http(show.linus) as http:
                page.goto(answered(http.post(f"{API}/login-links", json={}), 201)["url"])
            page.wait_for_url(f"{service.url}/")
            for name, path in shots(show).items():
                page.goto(path)
                page.screenshot(path=IMAGES / f"{name}.png")
                print(IMAGES / f"{name}.png")
            browser.close()


if __name__ == "__main__":
    main()
