"""What holds for each page: everybody can use it, nothing in it acts, and it is small."""

from __future__ import annotations

import json
import re
import shlex
from html import unescape
from pathlib import Path
from typing import Any

import click
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from registry_service.cli import main
from registry_service.web.ui.assets import all_assets
from tests.service_fixture import RunningService, running, settings_for
from tests.web.stories import API, answered, create_model, register
from tests.web.ui.conftest import LogIn
from tests.web.ui.showcase import MODEL, Showcase

pytestmark = pytest.mark.slow

Shown = tuple[RunningService, Showcase]
MAX_WEIGHT = 150 * 1024
WCAG = {"runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}}
# Where markup in a text would show: an image that can't load, and words that a template would reckon.
MARK = "<img src=x onerror=\"document.title='acted'\"><script>document.title='acted'</script>{{7*7}}\u202eabc"
KEY = "<img src=x onerror=\"document.title='acted'\">{{7*7}}"
MARKDOWN = f"[link](javascript:document.title='acted') ![x](http://127.0.0.1:9/x.png) {MARK}"


def paths(show: Showcase) -> list[str]:
    return [
        "/",
        "/models",
        "/models?q=payments",
        f"/models/{MODEL}",
        f"/models/{MODEL}/versions/5",
        f"/models/{MODEL}/versions/3",
        f"/models/{MODEL}?metric=log_loss",
        f"/models/{MODEL}?columns=metrics.auc&columns=tags.team&columns=description&order_by=metrics.auc",
        "/compare",
        f"/compare?versions={MODEL}/2,{MODEL}/3,{MODEL}/5,churn.de/1&everything=true",
        "/compare?versions=nothing",
        "/promotions",
        "/promotions?phase=open",
        f"/promotions/{show.waiting}",
        f"/promotions/{show.rejected}",
        f"/live?model={MODEL}",
        "/live?at=2020-01-01T00:00",
        "/log",
        "/log?kinds=promotion.*,stage.moved&since=2026-01-01T00:00",
        "/log?kinds=nothing",
        "/tokens",
        "/admin/people",
        "/admin/people/grace",
        "/admin/policies",
        "/admin/policies/regulated",
        "/admin/retention",
        f"/admin/retention/previews/{show.preview}",
        "/admin/storage",
        "/models/nothing",
    ]


def violations(page: Any) -> list[tuple[str, str]]:
    found = Axe().run(page, options=WCAG).response["violations"]
    return [(one["id"], json.dumps(one["nodes"][0]["html"])[:200]) for one in found]


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 1280), ("light", 390)])
def test_everybody_can_use_each_page(shared_show: Shown, log_in: LogIn, scheme: Any, width: int) -> None:
    service, show = shared_show
    page = log_in(service, show.grace)
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme=scheme)
    found = {}
    for path in paths(show):
        page.goto(path)
        page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
        found[path] = violations(page)
    page.context.clear_cookies()
    page.goto("/login")
    found["/login"] = violations(page)
    assert {path: one for path, one in found.items() if one} == {}


def test_axe_sees_what_is_planted(shared_show: Shown, log_in: LogIn) -> None:
    service, show = shared_show
    page = log_in(service, show.grace)
    page.goto("/models")
    page.evaluate("document.querySelector('#main').append(document.createElement('button'))")
    assert "button-name" in {name for name, _ in violations(page)}


def test_no_page_overflows_a_narrow_screen(shared_show: Shown, log_in: LogIn) -> None:
    service, show = shared_show
    page = log_in(service, show.grace)
    page.set_viewport_size({"width": 360, "height": 740})
    wide = {}
    for path in paths(show):
        page.goto(path)
        wide[path] = page.evaluate("document.documentElement.scrollWidth")
    assert {path: width for path, width in wide.items() if width > 360} == {}


def test_the_words_of_drawings_can_be_read_on_a_narrow_screen_and_the_keyboard_reaches_their_ends(
    shared_show: Shown, log_in: LogIn
) -> None:
    service, show = shared_show
    page = log_in(service, show.grace)
    page.set_viewport_size({"width": 390, "height": 740})
    drawn = "frame => [...frame.querySelectorAll('text')].map(text => text.getBoundingClientRect().height)"
    for path, least in (
        (f"/models/{MODEL}", 1),
        (f"/compare?versions={MODEL}/2,{MODEL}/3,{MODEL}/5", 3),
        (f"/models/{MODEL}/versions/5", 1),
        (f"/live?model={MODEL}", 1),
    ):
        page.goto(path)
        frames = page.get_by_role("region").and_(page.locator(".drawing")).all()
        assert len(frames) >= least, path
        for frame in frames:
            assert min(frame.evaluate(drawn)) > 10, path
            assert frame.get_attribute("aria-label")
            frame.focus()
            page.keyboard.press("End")
            page.keyboard.press("ArrowRight")
            page.wait_for_function("frame => frame.scrollLeft > 0", arg=frame.element_handle())
        assert [one for one in violations(page) if "drawing" in one[1] or "svg" in one[1]] == [], path


def test_no_command_lies_under_the_button_that_copies_it(tmp_path: Path, log_in: LogIn) -> None:
    words = """() => [...document.querySelectorAll('pre.copy')].map(block => {
        const range = document.createRange();
        range.selectNodeContents(block.querySelector('code'));
        return Math.max(...[...range.getClientRects()].map(line => line.right));
    })"""
    button = "[...document.querySelectorAll('pre.copy button')].map(one => one.getBoundingClientRect().left)"
    with running(settings_for(tmp_path / "fresh")) as fresh:
        page = log_in(fresh, fresh.person)
        for width in (390, 1280):
            page.set_viewport_size({"width": width, "height": 740})
            page.goto("/")
            ends, begins = page.evaluate(words), page.evaluate(button)
            assert len(ends) == len(begins) > 0
            assert all(end <= begin for end, begin in zip(ends, begins, strict=True)), width


def test_what_just_came_of_an_act_is_said_where_one_looks(shown: Shown, log_in: LogIn) -> None:
    service, show = shown
    page = log_in(service, show.linus)
    page.set_viewport_size({"width": 800, "height": 500})
    page.goto(f"/models/{MODEL}")
    page.clock.install()
    stage = page.get_by_role("article", name="production")
    stage.get_by_text("Hold…").click()
    stage.get_by_label("Why nothing may go in").fill("the books are being closed")
    stage.get_by_role("button", name="Hold production").click()
    news = page.locator("#news")
    expect(news).to_have_text("Nothing goes in until it is released.")
    expect(news).to_have_attribute("role", "status")
    expect(news).to_be_in_viewport(ratio=1)
    assert violations(page) == []
    # What the keyboard comes to isn't covered.
    box = news.bounding_box()
    assert box is not None
    for _ in range(25):
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.getBoundingClientRect().bottom") <= box["y"]
    page.emulate_media(reduced_motion="reduce")
    assert news.evaluate("news => getComputedStyle(news).animationName") == "none"
    # After a while it stands in the foot of the page.
    page.clock.run_for(11_000)
    expect(news).to_have_text("Nothing goes in until it is released.")
    assert news.evaluate("news => getComputedStyle(news).position") == "static"


def test_who_begins_is_led_to_register_first_and_then_to_ask_for_a_promotion(tmp_path: Path) -> None:
    with running(settings_for(tmp_path / "fresh")) as fresh, fresh.http() as http:

        def suggested(path: str) -> str:
            page = http.get(path, headers={"accept": "text/html"}).text
            return " ".join(re.findall(r'<pre class="copy"><code>model-registry ([a-z]+ [a-z]+)', page))

        for path in ("/", "/live"):
            assert suggested(path) == "versions register"
        create_model(http, "wine")
        assert suggested("/") == "versions register"
        register(http, "wine", {"model.bin": b"bytes"})
        for path in ("/", "/live"):
            assert suggested(path) == "promotions request"


def test_counts_say_when_they_were_counted(shared_show: Shown, log_in: LogIn) -> None:
    service, show = shared_show
    page = log_in(service, show.linus)
    for path, caption in (("/", "Storage by model"), ("/admin/storage", "as of when they were counted")):
        page.goto(path)
        table = page.get_by_role("table").filter(has_text=caption)
        column = table.get_by_role("columnheader").all_inner_texts().index("Counted")
        for row in table.locator("tbody tr").all():
            counted = row.locator("th, td").nth(column).inner_text()
            assert re.search(r"UTC|not yet", counted)
            assert ("not yet" in counted) == (row.locator("td.num").count() == 0), (
                "nothing is said of what isn't counted"
            )


def test_each_command_that_a_page_shows_is_one(shown: Shown, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    service, show = shown
    (tmp_path / "model.bin").touch()
    monkeypatch.chdir(tmp_path)
    nobody = service.token_of("nobody")
    with service.http() as ada:
        create_model(ada, "with a space")
        register(ada, "with a space", {"model.bin": b"bytes"})
        create_model(ada, "empty one")
    shown_to_ada = ["/models/with a space", "/models/with a space/versions/1", "/models/empty one", *paths(show)]
    shown_to_ada += ["/promotions?phase=EXPIRED", "/login"]
    seen = set()
    for token, asked in ((service.person, shown_to_ada), (nobody, ["/"])):
        with service.http(token) as http:
            for path in asked:
                page = http.get(path, headers={"accept": "text/html"}).text
                seen |= {unescape(one) for one in re.findall(r'<pre class="copy"><code>([^<]*)</code>', page)}
    with running(settings_for(tmp_path / "fresh")) as fresh, fresh.http() as http:
        for path in ("/", "/models", "/promotions", "/live"):
            page = http.get(path, headers={"accept": "text/html"}).text
            seen |= {unescape(one) for one in re.findall(r'<pre class="copy"><code>([^<]*)</code>', page)}
    assert len(seen) > 8, "there are pages that show one"
    for command in seen:
        check_command(command)


def check_command(line: str) -> None:
    """That the line could be typed: the command is there, and takes what stands behind it.

    :raises click.UsageError: it doesn't.
    """

    name, *words = shlex.split(line)
    assert name == "model-registry", line
    command: click.Command = main
    context = click.Context(command, info_name=name)
    while isinstance(command, click.Group):
        found = command.get_command(context, words[0])
        assert found is not None, line
        command, words = found, words[1:]
    command.make_context(command.name, words, parent=context)


def test_a_command_that_is_none_is_noticed() -> None:
    for line in ("model-registry versions register wine", "model-registry promotions request wine 1 production"):
        with pytest.raises(click.UsageError):
            check_command(line)


def test_a_promotion_says_whom_to_ask_for_what_is_missing(shared_service: RunningService) -> None:
    ben = shared_service.token_of("ben", role="approver", pattern="asked")
    with shared_service.http() as ada, shared_service.http(ben) as http:
        create_model(ada, "asked")
        register(ada, "asked", {"model.bin": b"asked"})
        path = f"{API}/policies"
        rules = [{"name": "expert", "people": ["ben"]}]
        answered(ada.post(path, json={"document": {"name": "experts", "rules": rules}}), 201)
        held = {"policy": "experts", "model_pattern": "asked", "stage": "*"}
        answered(ada.post(f"{path}/attachments", json=held), 201)
        wanted = {"model": "asked", "version": "1", "stage": "production"}
        asked = answered(ada.post(f"{API}/promotions", json=wanted), 201)

        def said() -> str:
            page = http.get(f"/promotions/{asked['id']}", headers={"accept": "text/html"}).text
            found = re.search(r'<p id="reviewers">(.*?)</p>', page)
            return "" if found is None else re.sub("<[^>]*>", "", found[1])

        assert said() == "Could approve: ben."
        review = {"verdict": "approve", "digest": asked["digest"]}
        answered(http.post(f"{API}/promotions/{asked['id']}/reviews", json=review))
        assert said() == ""
        answered(http.post(f"{API}/promotions/{asked['id']}/reviews/withdraw"))
        answered(ada.patch(f"{API}/principals/ben", json={"disabled": True}))
        page = ada.get(f"/promotions/{asked['id']}", headers={"accept": "text/html"}).text
        assert "<b>Nobody could approve</b>" in page


def test_each_page_is_small(shared_show: Shown) -> None:
    """With every style and script that any page has."""
    service, show = shared_show
    assets = sum(len(found.body) for found in all_assets().values())
    with service.http(show.grace) as http:
        for path in paths(show):
            weight = len(http.get(path, headers={"accept": "text/html"}).content) + assets
            assert 15_000 < weight < MAX_WEIGHT, (path, weight)


def test_markup_in_every_text_stays_inert(shown: Shown, log_in: LogIn) -> None:
    service, show = shown
    with service.http() as ada, service.http(service.airflow) as airflow:
        create_model(ada, "hostile", description=MARKDOWN, tags={"team": MARK})
        lineage = [
            {"kind": "other", "ref": MARK},
            {"kind": "dag_run", "ref": f"dag/{MARK}", "url": "https://x.example/?<b>"},
        ]
        metadata = {
            "metrics": {"auc": 0.5, KEY: 1.0},
            "params": {"note": MARK, KEY: 2},
            "framework": MARK[:200],
            "labels": [MARK],
            "extra": {"k": MARK},
        }
        for turn in (1, 2):
            register(
                airflow,
                "hostile",
                {"a.html": b"<script>document.title='acted'</script>", f"{KEY[:40]}{turn}": b"bytes"},
                lineage=lineage,
                metadata=metadata,
                description=MARKDOWN,
                tags={"t": MARK},
            )
        answered(
            ada.put(
                f"{API}/models/hostile/card", json={"text": f'---\nlicense: "{{{{7*7}}}}<img src=x>"\n---\n{MARKDOWN}'}
            )
        )
        report = {
            "name": "check",
            "status": "failed",
            "summary": MARK,
            "evidence": {"k": MARK},
            "url": "https://x.example/?<b>",
        }
        answered(airflow.post(f"{API}/models/hostile/versions/1/checks", json=report), 201)
        asked = answered(
            ada.post(
                f"{API}/promotions", json={"model": "hostile", "version": "1", "stage": "staging", "reason": MARK}
            ),
            201,
        )
        review = {"verdict": "approve", "digest": asked["digest"], "comment": MARKDOWN}
        answered(ada.post(f"{API}/promotions/{asked['id']}/reviews", json=review))
        for where in ("models/hostile", "models/hostile/versions/1", f"promotions/{asked['id']}"):
            answered(ada.post(f"{API}/{where}/comments", json={"text": MARKDOWN + " @grace"}), 201)
        answered(ada.post(f"{API}/models/hostile/stages/staging/hold", json={"reason": MARK}))
        check = {"name": "a check", "when": "framework = '<img src=x>{{7*7}}'"}
        policy = {"name": "hostile", "description": MARK, "nobody_need_review": True, "checks": [check]}
        answered(ada.post(f"{API}/policies", json={"document": policy}), 201)
        answered(ada.patch(f"{API}/principals/mary", json={"display_name": MARK[:200]}))
        answered(ada.post(f"{API}/tokens", json={"name": MARK[:150], "principal": "mary"}), 201)
        rule = {"name": "hostile", "pattern": "hostile", "keep_where": "tags.t != '<img src=x>{{7*7}}'"}
        answered(ada.post(f"{API}/retention/rules", json={"document": rule}), 201)
    page = log_in(service, show.linus)
    page.on("dialog", lambda dialog: pytest.fail(dialog.message))
    asked_for: list[str] = []
    page.on("request", lambda request: asked_for.append(request.url))
    for path in (
        "/",
        "/models",
        "/models?q=7",
        "/models/hostile",
        "/models/hostile/versions/1",
        "/compare?versions=hostile/1,hostile/2&everything=true",
        f"/promotions/{asked['id']}",
        "/promotions",
        "/live",
        "/log",
        "/log?model=hostile",
        "/admin/people",
        "/admin/people/mary",
        "/admin/policies",
        "/admin/policies/hostile",
        "/admin/retention",
        "/admin/storage",
    ):
        page.goto(path)
        page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
        assert page.title() != "acted", path
        assert page.locator("main img, main script:not([src])").count() == 0, path
        assert page.locator("a[href^='javascript']").count() == 0, path
        assert "\u202e" not in page.content(), path
        if "hostile" in path:
            assert "{{7*7}}" in page.inner_text("main"), path
    assert [url for url in asked_for if not url.startswith(service.url)] == []
