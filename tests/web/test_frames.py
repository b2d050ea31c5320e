"""Who may show the pages in a frame: nobody, or exactly the origins that an admin names."""

from __future__ import annotations

import pytest

from tests.service_fixture import RunningService, StartService
from tests.web.stories import create_model

PAGES = (
    "/",
    "/models",
    "/models/framed",
    "/promotions",
    "/live",
    "/log",
    "/tokens",
    "/admin/people",
    "/nowhere",
)


def ancestors(service: RunningService, path: str) -> list[str]:
    with service.http() as http:
        answer = http.get(path, headers={"accept": "text/html"})
    assert answer.headers["content-type"].startswith("text/html"), path
    assert "x-frame-options" not in answer.headers or answer.headers["x-frame-options"] == "DENY"
    policy = dict(part.strip().partition(" ")[::2] for part in answer.headers["content-security-policy"].split(";"))
    assert policy["default-src"] == "'none'" and policy["script-src"] == "'self'", path
    assert answer.headers["referrer-policy"] == "no-referrer"
    return policy["frame-ancestors"].split()


@pytest.mark.parametrize("origins", [(), ("https://airflow.example.org",)])
def test_pages_are_framed_by_whom_an_admin_names_and_nobody_else(
    start_service: StartService, origins: tuple[str, ...]
) -> None:
    service = start_service(framed_by=origins)
    with service.http() as http:
        create_model(http, "framed")
    assert {path: ancestors(service, path) for path in PAGES} == dict.fromkeys(PAGES, list(origins) or ["'none'"])
    # Where a secret is typed, nobody looks over the shoulder.
    assert ancestors(service, "/login") == ["'none'"]
