"""Comparing versions in a browser, and as a table for other programs."""

from __future__ import annotations

import csv
import io

import pytest
from playwright.sync_api import expect

from tests.service_fixture import RunningService
from tests.web.stories import create_model, register
from tests.web.ui.conftest import LogIn
from tests.web.ui.showcase import MODEL, Showcase

pytestmark = pytest.mark.slow

Shown = tuple[RunningService, Showcase]


def test_versions_marked_on_the_page_of_a_model_are_compared(shared_show: Shown, log_in: LogIn) -> None:
    service, show = shared_show
    page = log_in(service, show.mary)
    page.goto(f"/models/{MODEL}")
    for number in (2, 5, 3):
        page.get_by_label(f"Compare version {number}", exact=True).check()
    page.get_by_role("button", name="Compare the marked ones").click()

    expect(page.get_by_role("textbox", name="Versions")).to_have_value(f"{MODEL}/5,{MODEL}/3,{MODEL}/2")
    metrics = page.get_by_role("table", name="Metrics; the best of each is marked")
    auc = metrics.get_by_role("row", name="auc")
    expect(auc.locator(".best")).to_have_text("0.934 the best")
    expect(auc.get_by_role("cell").nth(2)).to_contain_text("-0.021")

    page.get_by_role("link", name=f"Measure by {MODEL} 2").click()
    expect(page.get_by_role("textbox", name="Versions")).to_have_value(f"{MODEL}/2,{MODEL}/5,{MODEL}/3")
    expect(metrics.get_by_role("row", name="log_loss").locator(".best")).to_have_text("0.066 the best")
    expect(auc.get_by_role("cell").nth(1)).to_contain_text("+0.021")

    page.get_by_role("link", name=f"Leave out {MODEL} 3").click()
    expect(page.get_by_role("table", name="Metrics; the best").get_by_role("columnheader")).to_have_count(3)
    page.reload()
    expect(page.get_by_role("textbox", name="Versions")).to_have_value(f"{MODEL}/2,{MODEL}/5")


def test_only_what_differs_until_all_is_asked_for(shared_show: Shown, log_in: LogIn) -> None:
    service, show = shared_show
    page = log_in(service, show.mary)
    page.goto(f"/compare?versions={MODEL}/1,{MODEL}/2")
    params = page.get_by_role("table", name="Params")
    expect(params.get_by_role("rowheader")).to_have_text(["max_depth"])
    expect(page.get_by_role("table", name="Files that differ").get_by_role("rowheader")).to_have_text(["model.onnx"])

    page.get_by_label("also what is the same").check()
    page.get_by_role("button", name="Compare", exact=True).click()
    expect(params.get_by_role("rowheader")).to_have_text(["eta", "max_depth", "objective"])
    expect(page.get_by_role("table", name="Files").get_by_role("rowheader")).to_have_count(3)


def test_one_figure_against_another(shared_show: Shown, log_in: LogIn) -> None:
    service, show = shared_show
    page = log_in(service, show.mary)
    page.goto(f"/compare?versions={MODEL}/1,{MODEL}/2,{MODEL}/3")
    page.get_by_label("Across", exact=True).select_option("max_depth")
    page.get_by_label("Up", exact=True).select_option("recall")
    page.get_by_role("button", name="Draw").click()
    drawing = page.get_by_role("region", name="recall over max_depth of 3 versions")
    expect(drawing.get_by_role("link")).to_have_count(3)
    drawing.get_by_role("link", name="version 2: max_depth 6, recall 0.783").click()
    expect(page).to_have_url(f"{service.url}/models/{MODEL}/versions/2")


def test_a_metric_over_the_versions_of_a_model(shared_show: Shown, log_in: LogIn) -> None:
    service, show = shared_show
    page = log_in(service, show.mary)
    page.goto(f"/models/{MODEL}")
    drawing = page.get_by_role("region", name="auc of 5 versions")
    expect(drawing.get_by_role("link", name="2: auc 0.913, production")).to_be_visible()
    page.get_by_label("Metric", exact=True).select_option("log_loss")
    page.get_by_role("button", name="Draw").click()
    expect(page.get_by_role("heading", name="log_loss over the versions")).to_be_visible()
    page.get_by_text("As a table").click()
    table = page.get_by_role("table", name="log_loss, lower is better")
    expect(table.get_by_role("row", name="Version 5 in the table 0.066")).to_be_visible()


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        (f"{MODEL}/1", "1 version(s) can't be compared"),
        (f"{MODEL}/1,{MODEL}/99", "99"),
        ("nothing/1,nothing/2", "nothing"),
        (f"{MODEL}/1,{MODEL}", "names no version"),
    ],
)
def test_what_cant_be_compared_is_said_where_it_was_asked(
    shared_show: Shown, log_in: LogIn, asked: str, words: str
) -> None:
    service, show = shared_show
    page = log_in(service, show.mary)
    page.goto(f"/compare?versions={asked}")
    expect(page.get_by_role("alert")).to_contain_text(words)
    expect(page.get_by_role("textbox", name="Versions")).to_have_value(asked)


def test_the_table_holds_all_and_no_spreadsheet_reckons_with_it(shown: Shown) -> None:
    service, show = shown
    with service.http() as ada, service.http(service.airflow) as airflow:
        create_model(ada, "sums")
        for number in (1, 2):
            metadata = {
                "metrics": {"loss": -0.5, "=1+1": 2.0},
                "params": {"formula": f"=HYPERLINK({number})", "plus": f"+{number}", "text": f"a, {number}"},
            }
            register(airflow, "sums", {"m": b"m"}, metadata=metadata)
    with service.http(show.mary) as http:
        answer = http.get("/compare.csv", params={"versions": "sums/1,sums/2"})
        refused = http.get("/compare.csv", params={"versions": "sums/1"})
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"].startswith("attachment")
    rows = list(csv.reader(io.StringIO(answer.text)))
    assert rows[0] == ["kind", "name", "sums 1", "sums 2"]
    assert ["metric", "loss", "-0.5", "-0.5"] in rows
    assert ["metric", "'=1+1", "2.0", "2.0"] in rows
    assert ["param", "formula", "'=HYPERLINK(1)", "'=HYPERLINK(2)"] in rows
    assert ["param", "plus", "'+1", "'+2"] in rows
    assert ["param", "text", "a, 1", "a, 2"] in rows
    assert refused.status_code == 400
