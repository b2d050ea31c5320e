"""The registry in Airflow's own pages, in a real browser on a real Airflow."""

from __future__ import annotations

import json
from collections.abc import Iterator
from urllib.parse import quote

import httpx
import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.airflow.conftest import PEOPLE
from tests.airflow.harness import Airflow
from tests.demo.story import MODEL, Story

pytestmark = [pytest.mark.airflow, pytest.mark.timeout(600)]


@pytest.fixture
def page(browser: Browser, told_story: Story, airflow_with_examples: Airflow) -> Iterator[Page]:
    """Logged in to Airflow, and in a browser that the registry knows as well."""
    told_story.playground.introduce_to(airflow_with_examples)
    context = browser.new_context(viewport={"width": 1400, "height": 900})
    page = context.new_page()
    page.set_default_timeout(30_000)
    opened = told_story.playground.command("--json", "browse", "--print")
    page.goto(json.loads(opened)["url"])
    page.wait_for_url(f"{told_story.playground.registry_url}/")
    page.goto(airflow_with_examples.url)
    page.get_by_label("Username").fill(PEOPLE[0].name)
    page.get_by_label("Password").fill(PEOPLE[0].password)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Welcome")).to_be_visible()
    yield page
    context.close()


def opened_by(page: Page, link: Locator) -> Page:
    """The page that a link opens."""
    with page.context.expect_page() as opened:
        link.click()
    opened.value.wait_for_load_state()
    return opened.value


def gate_of_version_1(airflow: Airflow) -> str:
    return next(run.dag_run_id for run in airflow.runs("gate_and_deploy") if run.state == "success")


def test_the_navigation_leads_to_the_models(page: Page, told_story: Story) -> None:
    page.get_by_role("link", name="Models", exact=True).click()
    shown = page.get_by_role("region", name="Models")
    expect(shown.get_by_role("link", name=f"{MODEL} 3").first).to_be_visible()

    registry = opened_by(page, shown.get_by_role("link", name="Open the model registry"))

    expect(registry).to_have_url(f"{told_story.playground.registry_url}/")
    expect(registry.get_by_role("link", name=MODEL).first).to_be_visible()


def test_a_dag_a_run_and_a_task_lead_to_what_they_made_and_waited_for(
    page: Page, told_story: Story, airflow_with_examples: Airflow
) -> None:
    url, registry = airflow_with_examples.url, told_story.playground.registry_url
    run = f"{url}/dags/gate_and_deploy/runs/{quote(gate_of_version_1(airflow_with_examples))}"
    shown = page.get_by_role("region", name="Models")

    page.goto(f"{url}/dags/train_and_register")
    page.get_by_role("link", name="Models", exact=True).last.click()
    expect(shown.get_by_role("link", name=f"{MODEL} 1")).to_have_attribute(
        "href", f"{registry}/models/{MODEL}/versions/1"
    )
    expect(shown.get_by_role("link", name=f"{MODEL} 3")).to_be_visible()

    page.goto(run)
    page.get_by_role("link", name="Models", exact=True).last.click()
    expect(shown.get_by_role("row").filter(has_text="approved").filter(has_text="promotion")).to_be_visible()
    expect(shown.get_by_role("link", name=f"{MODEL} 3")).to_have_count(0)

    page.goto(f"{run}/tasks/approved")
    page.get_by_role("link", name="Models", exact=True).last.click()
    promotion = opened_by(page, shown.get_by_role("row").filter(has_text="promotion").get_by_role("link"))
    expect(promotion.get_by_role("heading", level=1)).to_contain_text(MODEL)
    expect(promotion.locator("#phase")).to_have_text("applied")


def test_links_are_for_those_who_may_see_them(airflow_with_examples: Airflow) -> None:
    for path in ("/model-registry/open", "/model-registry/links", "/model-registry/links?dag_id=train_and_register"):
        answer = httpx.get(f"{airflow_with_examples.url}{path}", trust_env=False)
        assert answer.status_code == 401, path
        assert MODEL not in answer.text


@pytest.mark.parametrize("query", ["?dag_id=nothing", "?dag_id=train_and_register&run_id=nothing", "?task_id=nothing"])
def test_what_is_not_there_has_no_links(told_story: Story, airflow_with_examples: Airflow, query: str) -> None:
    told_story.playground.introduce_to(airflow_with_examples)
    found = airflow_with_examples.request("GET", f"/links{query}", root="/model-registry").json()
    assert found == {"registry": told_story.playground.registry_url, "links": [], "more": False}
