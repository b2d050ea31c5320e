"""What is attached to a check goes out as a download, whatever it says that it is."""

from __future__ import annotations

from urllib.parse import quote

import httpx
import pytest

from tests.service_fixture import RunningService
from tests.web.stories import API, answered, create_model, digest_of, register

PAGE = b"<script>alert(document.domain)</script>" * 1000


def attach(http: httpx.Client, model: str, name: str, content: bytes, media_type: str) -> str:
    file = {"digest": digest_of(content), "size": len(content)}
    upload = answered(http.post(f"{API}/uploads", json={"model": model, "files": [file]}), 201)
    answered(http.put(f"{API}/uploads/{upload['id']}/files/{file['digest']}", content=content))
    body = {
        "name": "evaluation",
        "status": "passed",
        "upload": upload["id"],
        "attachments": [{"name": name, "media_type": media_type, **file}],
    }
    check = answered(http.post(f"{API}/models/{model}/versions/1/checks", json=body), 201)
    return f"{API}/models/{model}/versions/1/checks/{check['id']}/attachments/{quote(name)}"


@pytest.mark.parametrize(
    ("name", "media_type"),
    [
        ("page.html", "text/html; charset=utf-8"),
        ("drawing.svg", "image/svg+xml"),
        ("report.pdf", "application/pdf"),
        ("réport {{7*7}} ';$(x).html", "text/html"),
    ],
)
def test_no_browser_shows_or_runs_it(shared_service: RunningService, name: str, media_type: str) -> None:
    model = "attached-" + digest_of(name.encode())[7:15]
    with shared_service.http() as http:
        create_model(http, model)
        register(http, model, {"model.bin": b"bytes"})
        address = attach(http, model, name, PAGE, media_type)
        whole = http.get(address)
        assert (whole.status_code, whole.content) == (200, PAGE)
        head = http.head(address)
        part = http.get(address, headers={"Range": "bytes=1-6"})
        assert (part.status_code, part.content) == (206, PAGE[1:7])
        assert part.headers["content-range"] == f"bytes 1-6/{len(PAGE)}"
        known = http.get(address, headers={"If-None-Match": whole.headers["etag"]})
        assert (known.status_code, known.content) == (304, b"")
        for answer in (whole, head, part, known):
            assert answer.headers["content-disposition"] == f"attachment; filename*=UTF-8''{quote(name, safe='')}"
            assert answer.headers["content-security-policy"] == "sandbox; default-src 'none'"
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert answer.headers["etag"] == f'"{digest_of(PAGE)}"'
        for answer in (whole, head, part):
            assert answer.headers["content-type"] == "application/octet-stream"
        assert (head.content, head.headers["content-length"]) == (b"", str(len(PAGE)))
        assert http.get(address, headers={"Range": "bytes=999999-"}).json()["code"] == "invalid_range"
        missing = http.get(address + "x")
        assert (missing.status_code, missing.json()["code"]) == (404, "attachment_not_found")
