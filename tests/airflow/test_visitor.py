"""Somebody new, given the address of what `make demo` leaves behind: in a browser, on the demo's own data."""

from __future__ import annotations

import json
from collections.abc import Iterator

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.airflow.harness import Airflow
from tests.demo.story import MODEL, Story

pytestmark = [pytest.mark.airflow, pytest.mark.timeout(600)]

DEPLOYED_MS = 120_000


@pytest.fixture
def vera(browser: Browser, told_story: Story, airflow_with_examples: Airflow) -> Iterator[Page]:
    """The pages before the approver, opened by the link that the demo says how to get."""
    told_story.playground.introduce_to(airflow_with_examples)
    context = browser.new_context(viewport={"width": 1280, "height": 900}, base_url=told_story.playground.registry_url)
    page = context.new_page()
    page.set_default_timeout(10_000)
    opened = told_story.playground.command("--json", "browse", "--print", token_file=told_story.approver)
    page.goto(json.loads(opened)["url"])
    page.wait_for_url(f"{told_story.playground.registry_url}/")
    yield page
    context.close()


def find_the_model(page: Page) -> None:
    page.get_by_role("searchbox", name="Find models and versions by words").fill(MODEL)
    page.keyboard.press("Enter")
    page.get_by_role("link", name=MODEL, exact=True).first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text(MODEL)


def test_why_the_second_version_was_not_allowed_in_is_found_from_the_address_alone(vera: Page) -> None:
    find_the_model(vera)
    vera.get_by_role("link", name="Version 2", exact=True).click()
    expect(vera.locator("#checks-section")).to_contain_text("worse by")
    vera.get_by_role("link", name="for production").click()
    expect(vera.locator("#policy-section")).to_contain_text("The check 'evaluation' failed")
    expect(vera.get_by_text("All that the policy asks for is there.")).to_have_count(0)


def test_the_next_good_version_is_approved_goes_live_and_is_rolled_back(vera: Page, told_story: Story) -> None:
    find_the_model(vera)
    production = vera.locator("article.stage").filter(has_text="production")
    expect(production).to_contain_text(f"{MODEL} 1")
    # What the rollback of the story left, unless another test has ended it: nothing may go in.
    held = production.get_by_role("button", name="Release production")
    if held.count():
        held.click()
    expect(production).not_to_contain_text("Held by")

    vera.goto("/")
    with told_story.outside() as outside:
        next_one = outside.version("latest")["number"] + 1
    gate = told_story.train(1300, version=next_one)
    told_story.wait_at_the_gate(gate, version=next_one)
    # The page that is open tells of it by itself.
    vera.get_by_role("link", name=f"Review {MODEL} {next_one} for production").click()
    expect(vera.locator("#policy-section")).to_contain_text("The check 'evaluation' passed")
    vera.get_by_label("Comment needed to reject").fill("Better than the first, and no class got worse.")
    vera.get_by_role("button", name="Approve").click()
    expect(vera.locator("#policy-section")).to_contain_text("approve by vera")
    expect(vera.locator("#phase")).to_have_text("applied", timeout=DEPLOYED_MS)
    expect(vera.get_by_text("it is current now")).to_be_visible()
    told_story.finish(gate)
    with told_story.outside() as outside:
        outside.expect_live(next_one)

    find_the_model(vera)
    expect(production).to_contain_text(f"{MODEL} {next_one}")
    with told_story.outside() as outside:
        first = outside.version("1")["digest"]
    try:
        production.get_by_text("Roll back…").click()
        production.get_by_label("Why", exact=True).fill("sevens are read as ones again")
        production.get_by_role("button", name="Roll production back").click()
        expect(production).to_contain_text(f"{MODEL} 1")
        # The endpoint didn't follow, which nobody has to guess.
        vera.goto(f"/live?model={MODEL}")
        expect(vera.locator("main")).to_contain_text("drift")
    finally:
        live = f"{told_story.playground.endpoint_url}/live"
        httpx.put(live, json={"digest": first}, trust_env=False).raise_for_status()
    with told_story.outside() as outside:
        outside.expect_live(1)
