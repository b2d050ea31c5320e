"""What people do in the pages, in real browsers."""

from __future__ import annotations

import re
import time

import httpx
import pytest
from playwright.sync_api import Browser, expect

from tests.service_fixture import RunningService
from tests.web.stories import API, answered, digest_of, upload
from tests.web.ui.conftest import LogIn
from tests.web.ui.showcase import MODEL, Showcase

Shown = tuple[RunningService, Showcase]

pytestmark = pytest.mark.slow


def current(service: RunningService, stage: str = "production") -> int | None:
    with service.http() as http:
        version: int | None = answered(http.get(f"{API}/models/{MODEL}/stages/{stage}"))["version"]
    return version


def test_two_people_approve_one_promotion_live_and_it_goes_live(shown: Shown, log_in: LogIn) -> None:
    service, show = shown
    grace, linus = log_in(service, show.grace), log_in(service, show.linus)
    for page in (grace, linus):
        page.goto("/")
        page.get_by_role("link", name=f"Review {MODEL} 5 for production").click()
        expect(page.get_by_role("heading", name="What the policy says: waiting")).to_be_visible()
    linus.get_by_label("Your comment").fill("half a thought, not to be lost")
    grace.get_by_role("button", name="Approve").click()
    expect(grace.locator("#policy-section")).to_contain_text("approve by grace")
    # It comes to the other by itself, beside what is being typed.
    expect(linus.locator("#policy-section")).to_contain_text("approve by grace")
    expect(linus.get_by_role("status")).to_have_text("The page shows what just changed.")
    expect(linus.get_by_label("Your comment")).to_have_value("half a thought, not to be lost")
    assert current(service) == 2
    linus.get_by_role("button", name="Approve").click()
    expect(linus.get_by_text("applicable")).to_be_visible()
    expect(grace.locator("#phase")).to_have_text("approved")
    grace.get_by_role("button", name="Make it current in production").click()
    expect(linus.locator("#phase")).to_have_text("applied")
    expect(linus.get_by_text("it is current now")).to_be_visible()
    assert current(service) == 5


def test_why_a_version_was_not_allowed_is_on_its_page(shared_show: Shown, log_in: LogIn) -> None:
    service, show = shared_show
    page = log_in(service, show.mary)
    page.get_by_role("searchbox", name="Find models and versions by words").fill("payments")
    page.keyboard.press("Enter")
    page.get_by_role("link", name=MODEL, exact=True).first.click()
    page.get_by_role("link", name="Version 3", exact=True).click()
    page.get_by_role("link", name="for production").click()
    expect(page.locator("#phase")).to_have_text("rejected")
    expect(page.locator("main")).to_contain_text("auc fell below version 2")
    expect(page.locator("main")).to_contain_text("failed")
    expect(page.get_by_role("button", name="Approve")).to_have_count(0)


def test_a_rejection_needs_a_comment_and_may_be_withdrawn(shown: Shown, log_in: LogIn) -> None:
    service, show = shown
    page = log_in(service, show.grace)
    page.goto(f"/promotions/{show.waiting}")
    page.get_by_role("button", name="Reject").click()
    expect(page.get_by_role("alert").filter(has_text="a rejection needs a comment")).to_be_visible()
    page.get_by_role("button", name="Approve").click()
    page.get_by_role("button", name="Withdraw my review").click()
    expect(page.locator("#policy-section")).to_contain_text("withdrawn")
    page.get_by_label("Comment needed to reject").fill("**recall** is too low")
    page.get_by_role("button", name="Reject").click()
    expect(page.locator("#phase")).to_have_text("rejected")
    expect(page.locator("#policy-section strong")).to_have_text("recall")


def test_a_stage_goes_back_in_two_clicks_with_a_reason(shown: Shown, log_in: LogIn) -> None:
    service, _ = shown
    page = log_in(service, service.person)
    page.goto(f"/models/{MODEL}")
    stage = page.get_by_role("article", name="production")
    stage.get_by_text("Roll back…").click()
    expect(stage).to_contain_text("From version 2 back to version 1")
    stage.get_by_label("Why", exact=True).fill("latency doubled")
    stage.get_by_role("button", name="Roll production back").click()
    expect(stage.locator(".current")).to_contain_text("1")
    expect(page.locator("#history-section")).to_contain_text("latency doubled")
    assert current(service) == 1
    # The page of the version that gave way tells of it, and so does that of the promotion that had brought it.
    page.goto(f"/models/{MODEL}/versions/2")
    spells = page.locator("#spells-section")
    expect(spells).to_contain_text("It failed in production")
    expect(spells).to_contain_text(f"went back to {MODEL} 1: latency doubled")
    expect(page.locator("#log-section")).to_contain_text("ada rolled back production to version 1")
    spells.get_by_role("listitem").filter(has_text="production by a promotion").get_by_role("link").first.click()
    expect(page.locator("#change-section")).to_contain_text(f"went back to {MODEL} 1: latency doubled")
    expect(page.locator("#policy-section")).not_to_contain_text("missing")


def test_the_page_of_a_model_is_found_by_its_former_name(shown: Shown, log_in: LogIn) -> None:
    service, _ = shown
    with service.http() as http:
        answered(http.post(f"{API}/models", json={"name": "cards at the till"}), 201)
        answered(http.post(f"{API}/models/cards at the till/rename", json={"name": "cards"}))
    page = log_in(service, service.person)
    page.goto("/models/cards at the till?columns=size")
    expect(page).to_have_url(re.compile("/models/cards[?]columns=size$"))
    expect(page.get_by_role("heading", name="cards", exact=True)).to_be_visible()


def test_whose_approval_could_not_count_is_told_so_beforehand(shown: Shown, log_in: LogIn) -> None:
    service, show = shown
    with service.http() as http:
        mine = answered(
            http.post(f"{API}/promotions", json={"model": MODEL, "version": "4", "stage": "production"}), 201
        )
    page = log_in(service, service.person)
    page.goto(f"/promotions/{mine['id']}")
    expect(page.get_by_text("You can't approve it:")).to_be_visible()
    expect(page.get_by_role("button", name="Approve")).to_have_count(0)
    grace = log_in(service, show.grace)
    grace.goto(f"/promotions/{mine['id']}")
    grace.get_by_role("button", name="Approve").click()
    expect(grace.get_by_text("Your review stands: approve.")).to_be_visible()
    expect(grace.get_by_role("button", name="Approve")).to_have_count(0)
    expect(grace.get_by_role("button", name="Reject")).to_be_visible()


def test_many_are_reviewed_at_once_and_each_has_its_outcome(shown: Shown, log_in: LogIn) -> None:
    service, show = shown
    with service.http() as ada:
        for model in ("churn.fr", "demand-forecast"):
            answered(ada.post(f"{API}/promotions", json={"model": model, "version": "1", "stage": "production"}), 201)
    page = log_in(service, show.grace)
    page.goto("/promotions")
    for model in ("churn.fr 1", "demand-forecast 1"):
        page.get_by_role("checkbox", name=f"{model} for production").check()
    page.get_by_role("button", name="Approve chosen").click()
    expect(page.get_by_role("status")).to_have_text("2 of 2 reviewed.")
    expect(page.locator("[data-outcome]", has_text="You approved it; it has yet to be applied.")).to_have_count(2)
    # Nothing stands in the way any more, and still somebody has to act.
    for token, who in ((show.mary, "by somebody who may"), (show.linus, "by you")):
        page = log_in(service, token)
        page.goto("/promotions?phase=open")
        row = page.locator("#promotions-list tr").filter(has_text="churn.fr 1")
        expect(row).to_contain_text(f"Nothing: it has yet to be applied, by a DAG that deploys it or {who}.")


def test_a_refusal_is_said_in_words_and_nothing_typed_is_lost(shown: Shown, log_in: LogIn) -> None:
    service, show = shown
    page = log_in(service, show.grace)
    page.goto(f"/promotions/{show.waiting}")
    with service.http() as ada:
        answered(ada.post(f"{API}/promotions/{show.waiting}/cancel", json={"reason": "not wanted"}))
    page.get_by_label("Comment needed to reject").fill("fine by me")
    page.get_by_role("button", name="Approve").click()
    expect(page.get_by_role("alert").filter(has_text="CANCELLED")).to_be_visible()
    expect(page.get_by_label("Comment needed to reject")).to_have_value("fine by me")


def test_a_review_takes_no_mouse(shown: Shown, log_in: LogIn) -> None:
    service, show = shown
    page = log_in(service, show.grace)

    def tab_to(name: str) -> None:
        for _ in range(60):
            page.keyboard.press("Tab")
            if page.evaluate("document.activeElement.textContent").strip().startswith(name):
                return
        raise AssertionError(f"the keyboard doesn't reach {name}")

    page.goto("/")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    page.keyboard.press("Enter")
    tab_to("Review")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/promotions/{show.waiting}")
    tab_to("Approve")
    page.keyboard.press("Enter")
    expect(page.locator("#policy-section")).to_contain_text("approve by grace")
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.id") == "find"


def test_one_logs_in_with_a_token_and_comes_where_one_wanted_and_out_again(
    shared_show: Shown, browser: Browser
) -> None:
    service, show = shared_show
    context = browser.new_context(base_url=service.url)
    page = context.new_page()
    page.goto(f"/models/{MODEL}?order_by=created_at")
    page.get_by_label("Personal token").fill("mreg_personal_wrong")
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("alert")).to_contain_text("This is no token of a model registry")
    assert context.cookies() == []
    page.get_by_label("Personal token").fill(show.mary)
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url(f"**/models/{MODEL}?order_by=created_at")
    (cookie,) = context.cookies()
    assert (cookie["httpOnly"], cookie["sameSite"]) == (True, "Strict")
    page.locator(".who summary").click()
    expect(page.locator(".who .panel")).to_contain_text("reader on all models")
    page.get_by_role("button", name="Log out", exact=True).click()
    page.wait_for_url("**/login")
    page.goto("/models")
    expect(page.get_by_label("Personal token")).to_be_visible()
    assert context.cookies() == []
    context.close()


def test_a_link_is_good_once_and_leaves_nothing_in_the_history(shared_show: Shown, browser: Browser) -> None:
    service, show = shared_show
    with service.http(show.mary) as http:
        link = answered(http.post(f"{API}/login-links", json={"path": "/live"}), 201)["url"]
    context = browser.new_context()
    page = context.new_page()
    page.goto(link)
    page.wait_for_url(f"{service.url}/live")
    second = browser.new_context()
    other = second.new_page()
    other.goto(link)
    expect(other.get_by_role("alert")).to_contain_text("used before")
    assert "mreg_login" not in other.url
    # A fresh one in the same tab, where only the fragment changes.
    with service.http(show.mary) as http:
        fresh = answered(http.post(f"{API}/login-links", json={"path": "/live"}), 201)["url"]
    other.evaluate("link => { location.href = link }", fresh)
    other.wait_for_url(f"{service.url}/live")
    other.go_back()
    assert "mreg_login" not in other.evaluate("location.href")
    context.close()
    second.close()


def test_who_comes_from_another_site_is_still_logged_in(shared_show: Shown, log_in: LogIn) -> None:
    service, show = shared_show
    page = log_in(service, show.mary)
    elsewhere = service.url.replace("127.0.0.1", "localhost")
    page.route(f"{elsewhere}/**", lambda route: route.fulfill(
        body=f'<a href="{service.url}/models/{MODEL}">the model</a>', content_type="text/html"
    ))  # fmt: skip
    page.goto(f"{elsewhere}/dags")
    page.get_by_role("link", name="the model").click()
    expect(page.get_by_role("heading", name=MODEL, exact=True)).to_be_visible()


def test_the_address_of_a_model_answers_a_program_with_the_model(shared_show: Shown) -> None:
    service, _ = shared_show
    with service.http() as http:
        for path in (f"/models/{MODEL}", f"/models/{MODEL}/versions/5"):
            assert http.get(path).json() == http.get(f"{API}{path}").json()
            page = http.get(path, headers={"accept": "text/html"})
            assert page.headers["content-type"] == "text/html; charset=utf-8"
        assert http.get(f"/models/{MODEL}", params={"filter": "number = 1"}).status_code == 400


def test_what_was_live_then_is_shown_as_of_then(shown: Shown, log_in: LogIn) -> None:
    service, show = shown
    page = log_in(service, show.mary)
    page.goto(f"/live?model={MODEL}")
    expect(page.locator("#live-models")).to_contain_text("drifted")
    expect(page.locator("#history-section svg")).to_be_visible()
    page.get_by_label("At UTC").fill("2020-01-01T00:00")
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("What was live at 2020-01-01 00:00 UTC")
    expect(page.locator("main")).to_contain_text("Nothing was live then.")


def test_what_happened_is_told_by_version_and_stage_and_leads_to_the_promotion(shown: Shown, log_in: LogIn) -> None:
    service, show = shown
    page = log_in(service, show.mary)
    told = {
        "/": "a promotion of churn.de 1 to production",
        "/log?model=churn.de": "a promotion of version 1 to production",
        "/models/churn.de/versions/1": "a promotion of it to production",
    }
    for path, words in told.items():
        page.goto(path)
        asked = page.get_by_role("listitem").or_(page.get_by_role("rowheader")).filter(has_text=f"asked for {words}")
        link = asked.get_by_role("link", name=words, exact=True)
        promotion = str(link.get_attribute("href")).removeprefix("/promotions/")
        expect(asked).not_to_contain_text(promotion)
    link.click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("churn.de")


def test_an_address_without_a_page_leads_people_to_the_models_and_programs_to_the_api(
    shared_show: Shown, log_in: LogIn
) -> None:
    service, show = shared_show
    page = log_in(service, show.mary)
    page.goto("/modles")
    expect(page.locator("main")).to_contain_text("There is no page at this address.")
    expect(page.locator("main")).not_to_contain_text("openapi.json")
    page.get_by_role("link", name="find").click()
    assert page.evaluate("document.activeElement.id") == "find"
    with service.http() as http:
        assert "GET /openapi.json lists what there is." in http.get("/modles").json()["detail"]


def test_what_is_found_by_words_is_shown_without_marks(shared_show: Shown, log_in: LogIn) -> None:
    service, show = shared_show
    page = log_in(service, show.mary)
    page.goto("/models?q=payments")
    expect(page.locator("main")).to_contain_text("Scores card payments as they come in.")


def test_a_filter_that_cannot_be_read_is_explained(shared_show: Shown, log_in: LogIn) -> None:
    service, show = shared_show
    page = log_in(service, show.mary)
    page.goto("/models?filter=nonsense%20%3D%201")
    expect(page.get_by_role("alert")).to_contain_text("nonsense")
    page.goto(f"/models/{MODEL}?filter=metrics.auc%20%3E%200.92&order_by=metrics.auc%20desc")
    rows = page.locator("#versions-list tbody tr")
    expect(rows).to_have_count(2)
    expect(rows.first).to_contain_text("0.934")


def test_assets_are_kept_by_browsers_until_they_change(shared_show: Shown) -> None:
    service, _ = shared_show
    with httpx.Client(base_url=service.url, trust_env=False) as http:
        page = http.get("/login", headers={"accept": "text/html"}).text
        sheet = page.partition('rel="stylesheet" href="')[2].partition('"')[0]
        assert http.get(sheet).headers["cache-control"] == "public, max-age=31536000, immutable"
        assert http.get("/static/older/pages.css").headers["cache-control"] == "no-store"
        assert http.get("/static/older/pages.py").status_code == 404


SCRIPT = (
    b'<svg xmlns="http://www.w3.org/2000/svg" width="80" height="40" onload="parent.document.title=1">'
    b'<script>fetch("/api/v1/whoami").then(() => { top.document.title = "acted" })</script>'
    b'<image href="/static/x/mark.svg" width="9" height="9"/><rect width="80" height="40"/></svg>'
)


def test_a_plot_is_seen_and_runs_nothing(shown: Shown, log_in: LogIn) -> None:
    service, show = shown
    with service.http(service.airflow) as airflow:
        files = [
            {"name": "roc.svg", "media_type": "image/svg+xml", "digest": digest_of(SCRIPT), "size": len(SCRIPT)},
            {"name": "page.html", "media_type": "text/html", "digest": digest_of(SCRIPT), "size": len(SCRIPT)},
        ]
        upload_ = upload(airflow, MODEL, [SCRIPT])
        report = {"name": "drift", "status": "passed", "attachments": files, "upload": upload_}
        answered(airflow.post(f"{API}/models/{MODEL}/versions/5/checks", json=report), 201)
    page = log_in(service, show.mary)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url.removeprefix(service.url)))
    page.goto(f"/models/{MODEL}/versions/5")
    picture = page.get_by_role("img", name="roc.svg, attached to drift")
    picture.scroll_into_view_if_needed()
    deadline = time.monotonic() + 10
    while picture.evaluate("(image) => image.naturalWidth") != 80:
        assert time.monotonic() < deadline, "the browser doesn't show it"
        page.wait_for_timeout(50)
    assert page.title() != "acted"
    assert "/api/v1/whoami" not in asked
    assert "/static/x/mark.svg" not in asked
    expect(page.get_by_role("img", name="page.html")).to_have_count(0)
    address = picture.get_attribute("src")
    assert address is not None
    with service.http(show.mary) as http:
        shown_ = http.get(address, headers={"sec-fetch-dest": "image"})
        opened = http.get(address, headers={"sec-fetch-dest": "document"})
        html = http.get(address.replace("roc.svg", "page.html"))
    assert shown_.headers["content-type"] == "image/svg+xml"
    assert "sandbox" in shown_.headers["content-security-policy"]
    assert shown_.headers["content-disposition"].startswith("attachment")
    assert (opened.status_code, html.status_code) == (404, 404)
    with page.expect_download() as download:
        page.get_by_role("link", name="page.html").click()
    assert download.value.suggested_filename == "page.html"


def test_the_table_of_versions_has_the_columns_that_one_chooses(shared_show: Shown, log_in: LogIn) -> None:
    service, show = shared_show
    page = log_in(service, show.mary)
    page.goto(f"/models/{MODEL}")
    page.get_by_text("Columns", exact=True).click()
    for name in ("metrics.auc", "params.max_depth", "precision"):
        page.get_by_label(name, exact=True).check()
    page.locator("#versions-section").get_by_role("button", name="Show").click()
    table = page.locator("#versions-list")
    expect(table.locator("tbody tr").first).to_contain_text("0.934")
    expect(table.locator("tbody tr").first.locator("td").nth(3)).to_have_text("9")
    table.get_by_role("link", name="Order by metrics.auc").click()
    expect(table.locator("tbody th a")).to_have_text(["5", "4", "2", "1", "3"])
    table.get_by_role("link", name="Order by metrics.auc").click()
    expect(table.locator("tbody th a")).to_have_text(["3", "1", "2", "4", "5"])
    expect(table.locator("thead")).to_contain_text("params.max_depth")
    page.goto(f"/models/{MODEL}?columns=nothing.such")
    expect(page.get_by_role("alert").filter(has_text="nothing")).to_be_visible()


def test_what_a_model_takes_up_and_when_it_was_used_is_on_its_page(shared_show: Shown, log_in: LogIn) -> None:
    service, show = shared_show
    page = log_in(service, show.mary)
    page.goto(f"/models/{MODEL}")
    # It is counted beside everything else, soon after it has changed.
    for _ in range(60):
        if page.get_by_text("Takes up").count():
            break
        time.sleep(0.5)
        page.reload()
    facts = page.locator("dl.facts").first
    expect(facts).to_contain_text("in 5 versions")
    expect(facts).to_contain_text("Last used20")


def test_what_is_said_of_a_version_is_changed_on_its_page(shown: Shown, log_in: LogIn) -> None:
    service, show = shown
    page = log_in(service, show.linus)
    page.goto(f"/models/{MODEL}/versions/4")
    page.get_by_text("Change…").click()
    page.get_by_label("Description Markdown").fill("The **fourth** night, again.")
    page.get_by_label("Tags one on each line").fill("team = risk\nreviewed\nformula=a=b")
    page.get_by_role("button", name="Save").click()
    expect(page.locator(".lead strong")).to_have_text("fourth")
    with service.http() as http:
        path = f"{API}/models/{MODEL}/versions/4"
        assert answered(http.get(path))["tags"] == {"team": "risk", "reviewed": "", "formula": "a=b"}
        page.get_by_text("Change…").click()
        page.get_by_label("Alias that names this version").fill("candidate")
        page.get_by_role("button", name="Name it so").click()
        expect(page.locator("#version-facts")).to_contain_text("@candidate")
        page.get_by_text("Change…").click()
        page.get_by_label("Place a legal hold, because").fill("a lawsuit")
        page.get_by_role("button", name="Place the hold").click()
        expect(page.get_by_text("Under legal hold by linus: a lawsuit")).to_be_visible()
        page.get_by_text("Change…").click()
        expect(page.get_by_text("It is current in staging.")).to_be_visible()
        page.get_by_label("Revoke it, because").fill("trained on what nobody may keep")
        page.get_by_role("button", name="Revoke version 4").click()
        expect(page.get_by_text("Revoked by linus")).to_be_visible()
        assert answered(http.get(path))["status"] == "revoked"


def test_a_model_is_changed_and_its_stage_held_on_its_page(shown: Shown, log_in: LogIn) -> None:
    service, show = shown
    page = log_in(service, show.linus)
    page.goto(f"/models/{MODEL}")
    with service.http() as http:
        page.get_by_text("Change…").click()
        page.get_by_label("Owners people").fill("ada, grace")
        # Somebody else was quicker: what they wrote isn't written over.
        answered(http.patch(f"{API}/models/{MODEL}", json={"description": "Scores payments."}))
        page.get_by_role("button", name="Save").click()
        expect(page.get_by_role("alert").filter(has_text="Somebody changed this meanwhile")).to_be_visible()
        expect(page.get_by_label("Description Markdown")).to_have_value("Scores payments.")
        expect(page.get_by_label("Owners people")).to_have_value("ada, grace")
        page.get_by_role("button", name="Save").click()
        expect(page.get_by_text("ada, grace", exact=True)).to_be_visible()
        expect(page.locator(".lead")).to_have_text("Scores payments.")
        # Where both changed the same, both can be read, and who is there says which it shall be.
        page.get_by_text("Change…").click()
        page.get_by_label("Description Markdown").fill("Scores payments by card.")
        answered(http.patch(f"{API}/models/{MODEL}", json={"description": "Scores payments in Spain."}))
        page.get_by_role("button", name="Save").click()
        refusal = page.get_by_role("alert").filter(has_text="Description is now “Scores payments in Spain.”")
        expect(refusal).to_be_visible()
        expect(page.get_by_label("Description Markdown")).to_have_value("Scores payments by card.")
        page.get_by_role("button", name="Save").click()
        expect(page.locator(".lead")).to_have_text("Scores payments by card.")
        card = page.locator("article.stage").filter(has_text="production")
        card.get_by_text("Hold…").click()
        card.get_by_label("Why nothing may go in").fill("the books are being closed")
        card.get_by_role("button", name="Hold production").click()
        expect(card).to_contain_text("Held by linus: the books are being closed")
        assert answered(http.get(f"{API}/models/{MODEL}/stages/production"))["hold"]["by"] == "linus"
        card.get_by_role("button", name="Release production").click()
        expect(card).not_to_contain_text("Held by")


def test_a_version_is_printed_whole_for_an_auditors_file(shared_show: Shown, log_in: LogIn) -> None:
    service, show = shared_show
    page = log_in(service, show.mary)
    page.goto(f"/models/{MODEL}/versions/5")
    evidence = page.locator("details pre").filter(has_text='"baseline": 0.9')
    expect(evidence).to_be_hidden()
    page.emulate_media(media="print", color_scheme="dark")
    expect(evidence).to_be_visible()
    expect(page.locator(".printed")).to_contain_text(f"/models/{MODEL}/versions/5, as mary saw it 20")
    for gone in ("header", "form"):
        for one in page.locator(gone).all():
            expect(one).to_be_hidden()
    shown = "getComputedStyle(document.querySelector('#files ~ table .digest'), '::after').content"
    assert len(page.evaluate(shown)) > 64, "digests are whole"
    background = page.evaluate("getComputedStyle(document.querySelector('table')).backgroundColor")
    assert background == "rgb(255, 255, 255)", "paper is white"
    assert page.pdf(format="A4").count(b"/Type /Page\n") > 1
