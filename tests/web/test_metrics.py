"""What Prometheus is told, read as it would read it."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from registry_service.domain.errors import StorageFull
from registry_service.domain.events import EventKind
from registry_service.domain.promotions import Phase
from registry_service.storage.filesystem import FilesystemStore
from registry_service.web.exposition import MEDIA_TYPE, Family, Sample, exposition, histogram
from registry_service.web.metrics import BUCKETS, Metrics
from tests.docs.pages import ROOT, table_rows
from tests.service_fixture import RunningService, StartService
from tests.web.stories import API, answered, create_model, digest_of, promote, register
from tests.web.walk import all_calls

Key = tuple[str, frozenset[tuple[str, str]]]


def parsed(text: str) -> dict[Key, float]:
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def scrape(http: httpx.Client) -> dict[Key, float]:
    answer = http.get("/metrics")
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == f"{MEDIA_TYPE}; charset=utf-8"
    return parsed(answer.text)


def of(found: dict[Key, float], name: str, **labels: str) -> float:
    return found.get((f"model_registry_{name}", frozenset(labels.items())), 0)


def test_requests_are_counted_by_template_and_class_of_status(service: RunningService) -> None:
    model = "/api/v1/models/{model}"
    with service.http() as http:
        before = scrape(http)
        create_model(http, "secret-name")
        register(http, "secret-name", {"model.bin": b"bytes"}, aliases=["best"])
        for selector in ("@best", "1", "7"):
            http.get(f"{API}/models/secret-name/versions/{selector}")
        http.get(f"{API}/models/secret-name/versions/1/")
        http.get("/no/such/address")
        http.request("BREW", f"{API}/models")
        after = scrape(http)

    def more(name: str, **labels: str) -> float:
        return of(after, name, **labels) - of(before, name, **labels)

    version = {"method": "GET", "route": f"{model}/versions/{{selector}}"}
    assert more("http_requests_total", **version, status="2xx") == 3, "the short way and the long one are one route"
    assert more("http_requests_total", **version, status="4xx") == 1
    assert more("http_request_duration_seconds_count", **version) == 4
    assert more("http_request_duration_seconds_bucket", **version, le="+Inf") == 4
    assert 0 < more("http_request_duration_seconds_sum", **version) < 10
    assert more("http_requests_total", method="POST", route=f"{model}/versions", status="2xx") == 1
    assert more("http_requests_total", method="GET", route="none", status="4xx") == 1
    assert more("refusals_total", code="version_not_found") == 1
    assert more("events_appended_total", kind="version.registered") == 1
    assert of(after, "database_up") == 1 and of(after, "writes_in_progress") == 0
    templates = {path for call in all_calls() for path in [call.path]} | {"none"}
    shown = {dict(labels)["route"] for name, labels in after if name.startswith("model_registry_http")}
    assert len(shown) < len(templates)
    assert not any("secret-name" in value for _, labels in after for _, value in labels)


def test_uploads_and_promotions_are_counted(service: RunningService) -> None:
    with service.http() as http:
        create_model(http, "m")
        register(http, "m", {"model.bin": b"bytes"})
        announced = {"model": "m", "files": [{"digest": digest_of(b"x"), "size": 1}]}
        upload = answered(http.post(f"{API}/uploads", json=announced), 201)["id"]
        promote(http, "m", "1")
        found = scrape(http)
        assert of(found, "open_uploads") == 1
        moved = {phase: of(found, "promotion_moves_total", phase=phase) for phase in Phase}
        assert http.delete(f"{API}/uploads/{upload}").status_code == 204
        assert of(scrape(http), "open_uploads") == 0
        events = answered(http.get(f"{API}/events", params={"after": "start", "limit": 1000}))["events"]
    assert {phase: count for phase, count in moved.items() if count} == {"PENDING": 1, "APPROVED": 1, "APPLIED": 1}
    for kind in EventKind:
        assert of(found, "events_appended_total", kind=kind) == sum(event["kind"] == kind for event in events), kind


class FullStore(FilesystemStore):
    async def receive(self, upload_id: str, chunks: AsyncIterator[bytes], *, expected: str, size: int) -> None:
        raise StorageFull("No space is left.")


def test_errors_of_the_store_are_counted(start_service: StartService, tmp_path: Path) -> None:
    service = start_service(store=FullStore(tmp_path / "store"))
    with service.http() as http:
        assert of(scrape(http), "store_errors_total", code="storage_full") == 0
        create_model(http, "m")
        announced = {"model": "m", "files": [{"digest": digest_of(b"x"), "size": 1}]}
        upload = answered(http.post(f"{API}/uploads", json=announced), 201)["id"]
        http.put(f"{API}/uploads/{upload}/files/{digest_of(b'x')}", content=b"x")
        found = scrape(http)
    assert of(found, "store_errors_total", code="storage_full") == 1
    assert of(found, "refusals_total", code="storage_full") == 1


def test_metrics_are_for_auditors_and_admins_of_the_whole_registry(service: RunningService) -> None:
    statuses = {}
    for role, pattern in [("reader", "*"), ("approver", "*"), ("auditor", "a.*"), ("auditor", "*"), ("admin", "*")]:
        token = service.token_of(f"{role}-{len(pattern)}", role=role, pattern=pattern, kind="service")
        with service.http(token) as http:
            statuses[role, pattern] = http.get("/metrics").status_code
    assert statuses == {
        ("reader", "*"): 403,
        ("approver", "*"): 403,
        ("auditor", "a.*"): 403,
        ("auditor", "*"): 200,
        ("admin", "*"): 200,
    }


def test_no_token_is_needed_on_loopback_where_the_settings_say_so(start_service: StartService) -> None:
    service = start_service(metrics="loopback")
    with service.http(token="") as http:
        assert "model_registry_build_info{" in http.get("/metrics").text
        for path in (f"{API}/models", "/metrics/", "/openapi.json", f"{API}/events"):
            assert http.get(path).status_code == 401, path
        assert http.post("/metrics").status_code == 405
        assert http.get("/metrics", headers={"Host": "evil.test"}).status_code == 421
        assert http.get("/metrics", headers={"Authorization": "Bearer x"}).status_code == 401, "a bad one isn't none"


@pytest.mark.parametrize("text", ['a"b', "a\\b", "a\nb", "plain"])
def test_what_a_label_holds_comes_through(text: str) -> None:
    found = parsed(exposition([Family("x_total", "counter", "Of tests.", [Sample({"label": text}, 1.5)])]).decode())
    assert found == {("x_total", frozenset({("label", text)})): 1.5}


def test_a_histogram_adds_up_from_bound_to_bound() -> None:
    lines = exposition([Family("x", "histogram", "h", list(histogram({}, (0.5, 1.0), (2, 0, 3), 9.25)))])
    assert parsed(lines.decode()) == {
        ("x_bucket", frozenset({("le", "0.5")})): 2,
        ("x_bucket", frozenset({("le", "1")})): 2,
        ("x_bucket", frozenset({("le", "+Inf")})): 5,
        ("x_sum", frozenset()): 9.25,
        ("x_count", frozenset()): 5,
    }


def test_a_time_is_in_the_bucket_whose_bound_it_reaches() -> None:
    metrics = Metrics()
    for seconds in (BUCKETS[0], BUCKETS[0] * 1.01, 1000.0):
        metrics.observe("GET", "/x", 200, seconds, None)
    found = parsed(exposition(metrics.families()).decode())

    def at_most(bound: str) -> float:
        return of(found, "http_request_duration_seconds_bucket", method="GET", route="/x", le=bound)

    assert [at_most("0.001"), at_most("0.0025"), at_most("30"), at_most("+Inf")] == [1, 2, 2, 3]


def test_no_caller_makes_up_a_label() -> None:
    metrics = Metrics()
    for number in range(50):
        metrics.observe(f"X{number}", None, 405, 0.1, "method_not_allowed")
    found = parsed(exposition(metrics.families()).decode())
    assert of(found, "http_requests_total", method="other", route="none", status="4xx") == 50
    assert not any("X7" in value for _, labels in found for _, value in labels)


def test_the_page_about_operations_lists_every_metric(service: RunningService) -> None:
    with service.http() as http:
        text = http.get("/metrics").text
    told = re.findall(r"^# TYPE (\S+) ", text, re.MULTILINE)
    listed = [name for row in table_rows(ROOT / "docs" / "operations.md") for name in re.findall(r"^`(\w+)`", row[1])]
    assert sorted(told) == sorted(name for name in listed if name.startswith(("model_registry_", "process_")))
