"""Narrowing the list of models by what there is, and writing its filter, in a browser."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.service_fixture import RunningService
from tests.web.stories import create_model
from tests.web.ui.conftest import LogIn
from tests.web.ui.showcase import MODEL, Showcase

pytestmark = pytest.mark.slow

Shown = tuple[RunningService, Showcase]


def listed(page: Page) -> list[str]:
    return page.get_by_role("table", name="Models that you may read").get_by_role("rowheader").all_inner_texts()


def test_the_list_is_narrowed_and_widened_by_clicks(shared_show: Shown, log_in: LogIn) -> None:
    service, show = shared_show
    page = log_in(service, show.mary)
    page.goto("/models")
    assert len(listed(page)) == 4
    page.get_by_role("link", name="growth 2").click()
    expect(page.get_by_label("Filter", exact=True)).to_have_value("tags.team = 'growth'")
    assert listed(page) == ["churn.de", "churn.fr"]
    page.get_by_role("link", name="production 1").click()
    expect(page.get_by_label("Filter", exact=True)).to_have_value("tags.team = 'growth' AND stage = 'production'")
    assert listed(page) == ["churn.de"]
    page.get_by_role("link", name="growth 1 , take this condition away").click()
    expect(page.get_by_label("Filter", exact=True)).to_have_value("stage = 'production'")
    assert listed(page) == ["churn.de", MODEL]


def test_a_choice_joins_all_of_a_filter_with_alternatives(shared_show: Shown, log_in: LogIn) -> None:
    service, show = shared_show
    page = log_in(service, show.mary)
    page.goto("/models?filter=name = 'churn.fr' OR name = 'demand-forecast' OR created_at > now-7d")
    page.get_by_role("link", name="supply 1").click()
    expect(page.get_by_label("Filter", exact=True)).to_have_value(
        "(name = 'churn.fr' OR name = 'demand-forecast' OR created_at > now-7d) AND tags.team = 'supply'"
    )
    assert listed(page) == ["demand-forecast"]


def test_values_and_keys_of_any_text_can_be_chosen(shown: Shown, log_in: LogIn) -> None:
    service, show = shown
    with service.http() as ada:
        create_model(ada, "odd", tags={"it's `so`": "o'clock & <b>"})
        create_model(ada, "odder", tags={"it's `so`": "other"})
    page = log_in(service, show.mary)
    page.goto("/models?filter=name LIKE 'odd%25'")
    page.get_by_role("link", name="o'clock & <b> 1").click()
    assert listed(page) == ["odd"]
    expect(page.get_by_role("alert")).to_have_count(0)
    page.get_by_role("link", name="o'clock & <b> 1").click()
    assert listed(page) == ["odd", "odder"]


def suggested(page: Page, typed: str) -> list[str]:
    page.get_by_label("Filter", exact=True).fill(typed)
    found: list[str] = page.evaluate("[...document.getElementById('words').options].map((one) => one.value)")
    return found


def test_a_filter_is_completed_where_a_name_is_due(shared_show: Shown, log_in: LogIn) -> None:
    service, show = shared_show
    page = log_in(service, show.mary)
    page.goto(f"/models/{MODEL}")
    assert suggested(page, "metrics.a") == ["metrics.auc"]
    assert suggested(page, "metrics.auc > 0.9 AND params.m") == ["metrics.auc > 0.9 AND params.max_depth"]
    assert suggested(page, "NOT (FRAME") == ["NOT (framework"]
    assert suggested(page, "metrics.auc > 0.9 ") == ["metrics.auc > 0.9 AND ", "metrics.auc > 0.9 OR "]
    assert suggested(page, "description = 'metrics.a") == []
    page.goto("/models")
    assert "latest_version.framework" in suggested(page, "latest")
