"""What those who look after the registry do in the pages, in real browsers."""

from __future__ import annotations

import csv
import io
import json

import pytest
from playwright.sync_api import expect

from tests.service_fixture import RunningService
from tests.web.stories import API, answered, register
from tests.web.ui.conftest import LogIn
from tests.web.ui.showcase import MODEL, Showcase

Shown = tuple[RunningService, Showcase]

pytestmark = pytest.mark.slow


def test_somebody_new_gets_a_role_and_a_token_that_is_shown_once(shown: Shown, log_in: LogIn) -> None:
    service, show = shown
    page = log_in(service, show.linus)
    page.get_by_role("link", name="Admin").click()
    page.get_by_text("Add somebody…").click()
    page.get_by_label("Name", exact=True).first.fill("kim")
    page.get_by_role("button", name="Add", exact=True).click()
    page.wait_for_url("**/admin/people/kim")
    expect(page.get_by_text("No role yet")).to_be_visible()
    page.get_by_label("Give the role").select_option("contributor")
    page.get_by_label("on models").first.fill("churn*")
    page.get_by_role("button", name="Give", exact=True).click()
    expect(page.locator("#roles-list")).to_contain_text("contributor")
    page.get_by_label("What it is for").fill("laptop")
    page.get_by_role("button", name="Make the token").click()
    secret = page.locator("[data-secret] code")
    expect(secret).to_contain_text("mreg_")
    token = secret.inner_text()
    with service.http(token) as kim:
        names = [model["name"] for model in answered(kim.get(f"{API}/models"))["items"]]
        assert names == ["churn.de", "churn.fr"]
        page.reload()
        expect(page.locator("#tokens-list")).to_contain_text("laptop")
        assert token not in page.content()
        page.get_by_role("button", name="End the token laptop").click()
        expect(page.locator("#tokens-list")).to_contain_text("ended")
        assert kim.get(f"{API}/models").status_code == 401
    page.get_by_role("button", name="Take back contributor on churn*").click()
    expect(page.get_by_text("No role yet")).to_be_visible()
    page.get_by_role("button", name="Disable kim").click()
    expect(page.locator("#person-facts")).to_contain_text("disabled")
    page.get_by_role("button", name="Enable kim").click()
    expect(page.locator("#person-facts")).not_to_contain_text("disabled")


def test_a_group_is_made_changed_and_removed(shown: Shown, log_in: LogIn) -> None:
    service, show = shown
    page = log_in(service, show.linus)
    page.goto("/admin/people")
    page.get_by_text("Make a group…").click()
    page.get_by_label("Name", exact=True).last.fill("risk team")
    page.get_by_label("Members separated by commas", exact=True).fill("grace, mary")
    page.get_by_role("button", name="Make it").click()
    row = page.locator("#groups-list tr").filter(has_text="risk team")
    expect(row).to_contain_text("grace, mary")
    row.get_by_text("Change…").click()
    row.get_by_label("Members of risk team").fill("")
    row.get_by_role("button", name="Save").click()
    expect(row).to_contain_text("nobody")
    row.get_by_text("Change…").click()
    row.get_by_role("button", name="Remove the group and its roles").click()
    expect(row).to_have_count(0)


def test_ones_own_tokens_are_a_page_of_ones_own(shared_show: Shown, log_in: LogIn) -> None:
    service, show = shared_show
    page = log_in(service, show.mary)
    page.locator("details.who summary").click()
    page.get_by_role("link", name="Your tokens and sessions").click()
    expect(page.locator("#tokens-list")).to_contain_text("this session")
    page.get_by_label("What it is for").fill("notebook")
    narrowed = page.get_by_label("It may do").locator("option").all_inner_texts()[1:]
    whose = ("a reader", "a contributor", "an approver", "an auditor", "an admin")
    assert narrowed == [f"what {one} may" for one in whose]
    page.get_by_label("It may do").select_option("admin")
    page.get_by_role("button", name="Make the token").click()
    secret = page.locator("[data-secret] code")
    expect(secret).to_contain_text("mreg_")
    with service.http(secret.inner_text()) as mary:
        assert mary.post(f"{API}/models", json={"name": "mine"}).status_code == 403, "a token narrows, and never widens"


def test_who_only_reads_sees_what_holds_and_changes_nothing(shared_show: Shown, log_in: LogIn) -> None:
    service, show = shared_show
    page = log_in(service, show.mary)
    for path in ("people", "people/grace", "policies", "policies/regulated", "retention", "storage"):
        page.goto(f"/admin/{path}")
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        acts = page.locator("main form[data-act]:not([data-then=decision])")
        assert acts.count() == 0, path
    page.goto(f"/admin/retention/previews/{show.preview}")
    expect(page.get_by_role("heading", level=1)).not_to_contain_text("What would go")


def test_a_policy_says_in_words_what_it_asks_and_is_tried_on_a_version(shared_show: Shown, log_in: LogIn) -> None:
    service, show = shared_show
    page = log_in(service, show.grace)
    page.goto(f"/models/{MODEL}")
    page.get_by_text("policy regulated v1").click()
    expect(page.get_by_text("One person with the role admin approves (admin).")).to_be_visible()
    page.get_by_role("link", name="all that it says").last.click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("regulated")
    document = page.get_by_label("Policy as JSON; where empty")
    page.get_by_label("Model", exact=True).fill(MODEL)
    # The newest version, unless another one is named.
    page.get_by_role("button", name="Judge").click()
    expect(page.locator("[data-decision]")).to_contain_text("It would be waiting")
    page.get_by_label("Version", exact=True).fill("3")
    page.get_by_role("button", name="Judge").click()
    expect(page.locator("[data-decision]")).to_contain_text("It would be blocked")
    expect(page.locator("[data-decision]")).to_contain_text("evaluation")
    document.fill('{"name": "any", "nobody_need_review": true')
    page.get_by_role("button", name="Judge").click()
    expect(page.get_by_role("alert").filter(has_text="This is no JSON")).to_be_visible()
    document.fill('{"name": "any", "nobody_need_review": true}')
    page.get_by_label("Version", exact=True).fill("5")
    page.get_by_role("button", name="Judge").click()
    expect(page.locator("[data-decision]")).to_contain_text("It would be applicable")


def test_a_change_of_policy_waits_for_a_second_person(shown: Shown, log_in: LogIn) -> None:
    service, show = shown
    linus, ada = log_in(service, show.linus), log_in(service, service.person)
    for page in (linus, ada):
        page.goto("/admin/policies")
    linus.get_by_role("button", name=f"Detach regulated from {MODEL}, production").click()
    expect(linus.locator("#waiting-section")).to_contain_text("proposed by linus")
    expect(linus.get_by_role("button", name="Confirm")).to_have_count(0)
    ada.get_by_role("button", name="Confirm the detach of regulated").click()
    expect(ada.locator("#where-list")).not_to_contain_text("regulated")
    expect(linus.locator("#where-list")).not_to_contain_text("regulated")
    # What it would say is seen before it is confirmed, and it can be taken back.
    linus.goto("/admin/policies")
    linus.get_by_text("Attach one…").click()
    linus.get_by_label("Policy", exact=True).first.select_option("regulated")
    linus.get_by_label("Models a name, or a pattern").fill(MODEL)
    linus.get_by_role("button", name="Attach", exact=True).click()
    expect(linus.locator("#where-list")).to_contain_text("regulated")
    linus.goto("/admin/policies/regulated")
    linus.get_by_text("Write the next version…").click()
    linus.get_by_label("Policy as JSON", exact=True).fill(
        '{"name": "regulated", "rules": [{"name": "one", "role": "approver"}]}'
    )
    linus.get_by_role("button", name="Write version 2").click()
    linus.wait_for_url("**/admin/policies")
    expect(ada.locator("#waiting-section")).to_contain_text("One person with the role approver approves (one).")
    linus.get_by_role("button", name="Withdraw the write of regulated").click()
    expect(linus.locator("#waiting-section")).not_to_contain_text("proposed by linus")
    expect(ada.locator("#waiting-section")).not_to_contain_text("proposed by linus")
    # A next version, written over the one that is seen.
    linus.goto("/admin/policies/team")
    linus.get_by_text("Write the next version…").click()
    linus.get_by_label("Policy as JSON", exact=True).fill(
        '{"name": "team", "rules": [{"name": "two", "count": 2, "role": "approver"}]}'
    )
    linus.get_by_role("button", name="Write version 2").click()
    linus.wait_for_url("**/admin/policies")
    expect(linus.locator("#policies-list")).to_contain_text("2 people with the role approver approve (two).")


def test_what_would_go_is_seen_before_it_goes(shown: Shown, log_in: LogIn) -> None:
    service, show = shown
    with service.http(service.airflow) as airflow:
        for number in range(4):
            register(airflow, "churn.fr", {"model.onnx": f"more {number}".encode()})
    page = log_in(service, show.linus)
    page.goto("/admin/retention")
    page.get_by_role("button", name="End the rule month").click()
    expect(page.get_by_text("No rules: nothing ever goes.")).to_be_visible()
    page.get_by_text("Write a rule…").click()
    page.get_by_label("Name", exact=True).fill("few")
    page.get_by_label("Models a name or a pattern").fill("churn.fr")
    page.get_by_label("Keep the newest").fill("2")
    page.get_by_role("button", name="Write", exact=True).click()
    expect(page.locator("#rules-list")).to_contain_text("the 2 newest")
    page.get_by_label("What would go of models").fill("churn*")
    page.get_by_role("button", name="Preview").click()
    expect(page.locator("#preview-facts .phase")).to_have_text("ready")
    expect(page.locator("#preview-facts")).to_contain_text("3 versions")
    expect(page.locator("#previewed-list tr").filter(has_text="goes")).to_have_count(3)
    with service.http() as http:
        assert len(answered(http.get(f"{API}/models/churn.fr/versions"))["items"]) == 5, "nothing goes by looking"
        page.get_by_label("I have seen what goes").check()
        page.get_by_role("button", name="Delete them").click()
        expect(page.locator("#preview-facts .phase")).to_have_text("applied")
        left = [one["number"] for one in answered(http.get(f"{API}/models/churn.fr/versions"))["items"]]
    assert left == [5, 4]


def test_the_log_is_searched_and_taken_along(shared_show: Shown, log_in: LogIn) -> None:
    service, show = shared_show
    page = log_in(service, show.mary)
    page.goto("/log")
    page.get_by_label("Kinds").fill("promotion.rejected, stage.*")
    page.get_by_label("Model", exact=True).fill(MODEL)
    page.get_by_label("From UTC").fill("2026-01-01T00:00")
    page.get_by_role("button", name="Show").click()
    expect(page.locator("#log-list")).to_contain_text("rejected")
    kinds = {one.strip() for one in page.locator("#log-list .kind").all_inner_texts()}
    assert kinds == {"promotion.rejected", "stage.moved"}
    with page.expect_download() as lines:
        page.get_by_role("link", name="JSON Lines").click()
    events = [json.loads(line) for line in lines.value.path().read_text().splitlines()]
    assert {event["kind"] for event in events} == kinds
    with page.expect_download() as table:
        page.get_by_role("link", name="CSV").click()
    rows = list(csv.DictReader(io.StringIO(table.value.path().read_text())))
    assert [int(row["seq"]) for row in rows] == [event["seq"] for event in events]
    assert json.loads(rows[0]["data"]) == events[0]["data"]
    page.goto("/log?until=2020-01-01T00:00")
    expect(page.get_by_text("Nothing happened yet that you may see.")).to_be_visible()
    page.goto("/log?kinds=nothing.such")
    expect(page.get_by_role("alert")).to_be_visible()


def test_a_long_log_is_taken_along_whole(shared_show: Shown) -> None:
    service, _ = shared_show
    headers = {"accept": "*/*"}
    with service.http() as http:
        for number in range(210):
            answered(http.post(f"{API}/models/churn.de/comments", json={"text": f"=1+{number}"}), 201)
        lines = http.get("/log.jsonl", headers=headers).text.splitlines()
        whole = http.get("/log.csv?kinds=comment.added", headers=headers).text
        newest = answered(http.get(f"{API}/activity?limit=1"))["items"][0]["event"]["seq"]
    assert [json.loads(line)["seq"] for line in lines] == list(range(newest, 0, -1))
    assert len(list(csv.reader(io.StringIO(whole)))) > 210
