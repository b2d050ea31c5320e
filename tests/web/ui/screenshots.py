"""Pictures of the pages for the docs, taken in a real browser of the showcase: `make screenshots`."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import httpx
from playwright.sync_api import Page, sync_playwright

from tests.browsers import CHROMIUM, OPTIONS
from tests.service_fixture import running, settings_for
from tests.web.stories import API, answered, register
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
        "promotions": "/promotions",
        "promotion": f"/promotions/{show.waiting}",
        "live": f"/live?model={MODEL}",
        "log": "/log",
        "people": "/admin/people",
        "person": "/admin/people/grace",
        "policies": "/admin/policies",
        "policy": "/admin/policies/regulated",
        "tokens": "/tokens",
    }


def shots_of_storage(preview: str) -> dict[str, str]:
    """The same of what takes up room, once there is more of it."""
    return {
        "retention": "/admin/retention",
        "preview": f"/admin/retention/previews/{preview}",
        "storage": "/admin/storage",
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
            page.goto("/login")
            taken(page, "login")
            with service.http(show.linus) as linus, service.http(service.airflow) as airflow:
                page.goto(answered(linus.post(f"{API}/login-links", json={}), 201)["url"])
                page.wait_for_url(f"{service.url}/")
                for name, path in shots(show).items():
                    page.goto(path)
                    taken(page, name)
                _register_more(airflow)
                preview = _preview(linus)
            for name, path in shots_of_storage(preview).items():
                page.goto(path)
                # What is counted is counted beside everything else, soon.
                while page.get_by_text("not yet").count():
                    time.sleep(0.5)
                    page.reload()
                taken(page, name)
            browser.close()


def _register_more(http: httpx.Client) -> None:
    for number in range(4):
        register(http, "demand-forecast", {"model.onnx": f"forecast {number}".encode() * 9000})


def _preview(http: httpx.Client) -> str:
    """Of rules by which something would go."""

    answered(http.post(f"{API}/retention/rules/month/end"))
    rule = {"name": "newest", "pattern": "*", "keep_last": 2}
    answered(http.post(f"{API}/retention/rules", json={"document": rule}), 201)
    preview = str(answered(http.post(f"{API}/retention/previews", json={"pattern": "*"}), 201)["id"])
    while answered(http.post(f"{API}/retention/previews/{preview}/continue"))["phase"] != "READY":
        pass
    return preview


def taken(page: Page, name: str) -> None:
    page.screenshot(path=IMAGES / f"{name}.png")
    print(IMAGES / f"{name}.png")


if __name__ == "__main__":
    main()
