"""Wrong requests and what they are told: one table. Each answer is a problem document that names the field."""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from types import MappingProxyType
from typing import Any, NamedTuple

import httpx
import pytest

from registry_service.web.limits import JSON_BODY
from tests.samples import sample
from tests.service_fixture import RunningService
from tests.web.stories import API, answered, create_model, register
from tests.web.walk import all_calls, body_types

JSON = {"content-type": "application/json"}


class Case(NamedTuple):
    method: str
    path: str
    content: bytes | str | None = None
    status: int = 400
    code: str | None = "invalid_input"
    field: str | None = None
    headers: Mapping[str, str] = MappingProxyType({})


VERSIONS = "/models/m/versions"
METRIC = "metadata.metrics[...]"
DEEP = '{"a":' * 2000 + "1" + "}" * 2000

CASES = [
    # bodies
    Case("POST", "/models", "", field=None),
    Case("POST", "/models", "{", field=None),
    Case("POST", "/models", "[]", field=None),
    Case("POST", "/models", "null", field=None),
    Case("POST", "/models", b'{"name": "\xff"}', field=None),
    Case("POST", "/models", "{}", field=None),
    Case("POST", "/models", '{"name": 7}', field="name"),
    Case("POST", "/models", '{"name": "x", "nmae": "y"}', field=None),
    Case("POST", "/models", '{"name": "x", "tags": {"a": 1}}', field="tags[...]"),
    Case("POST", "/models", '{"name": "x", "name": "y"}', field="name"),
    Case("POST", "/models", '{"name": "x", "n\\u0061me": "x"}', field="name"),
    Case("POST", "/models", '{"name": "x", "tags": {"a": "1", "a": "2"}}', field="a"),
    Case("POST", "/models/m/versions/1/checks", '{"name": "e", "summary": "a", "status": "failed", "status": "passed"}',
         field="status"),
    Case("POST", VERSIONS, '{"files": [], "upload": "a",' + " " * 100_000 + '"upload": "b"}', field="upload"),
    Case("POST", VERSIONS, '{"files": [], "metadata": {"signature": {"inputs": {"type": "wat"}}}}',
         code="invalid_metadata", field="signature.inputs"),
    Case("POST", "/models", '{"name": "x", "description": "a\\u0000b"}', field=None),
    Case("POST", "/models/m/stages/production/hold", '{"reason": "a\\u0000b"}'),
    Case("POST", "/models/m/versions/1/checks", '{"name": "e", "status": "passed", "evidence": {"a": "\\u0000"}}'),
    Case("POST", "/tokens", '{"name": "a\\u0000b"}'),
    Case("POST", "/models/m/stages/production/hold", '{"reason": "a\\\\\\u0000b"}'),
    Case("POST", "/models", '{"name": "../x"}', code="invalid_name"),
    Case("POST", "/models", '{"name": "a\\\\b"}', code="invalid_name"),
    Case("POST", "/models", '{"name": "%61"}', code="invalid_name"),
    Case("POST", "/models", '{"name": "\uff41"}', code="invalid_name"),
    Case("POST", "/models", '{"name": "x"}', 415, "unsupported_media_type", headers={"content-type": "text/plain"}),
    Case("POST", "/models", "name=x", 415, "unsupported_media_type",
         headers={"content-type": "application/x-www-form-urlencoded"}),
    Case("POST", "/models", b"x" * (JSON_BODY + 1), 413, "too_large"),
    Case("POST", VERSIONS, '{"files": [], "metadata": {"metrics": {"auc": "nan"}}}', field=METRIC),
    Case("POST", VERSIONS, '{"files": [], "metadata": {"metrics": {"auc": NaN}}}'),
    Case("POST", VERSIONS, '{"files": [], "metadata": {"metrics": {"auc": 1e400}}}', field=METRIC),
    Case("POST", VERSIONS, '{"files": [], "metadata": {"metrics": {"auc": "0.5"}}}', field=METRIC),
    Case("POST", "/models/m/versions", '{"files": [{"path": "../x", "digest": "sha256:' + "0" * 64 + '", "size": 1}]}',
         code="invalid_path"),
    Case("POST", "/models/m/versions", '{"files": [{"path": "x", "digest": "md5:' + "0" * 32 + '", "size": 1}]}',
         code="invalid_digest"),
    Case("POST", VERSIONS, '{"files": [], "metadata": {"extra": ' + DEEP + "}}"),
    Case("POST", "/models/m/versions/1/checks", '{"name": "e", "status": "maybe"}', field="status"),
    Case("POST", "/models/m/stages/production/hold", '{"reason": "x", "until": "tomorrow"}', field="until"),
    Case("POST", "/models/m/stages/production/hold", '{"reason": "x", "until": "2099-01-01T00:00:00"}'),
    Case("POST", "/models/m/stages/production/vacate", '{"from_version": "1", "reason": "x"}', field="from_version"),
    Case("POST", "/grants", '{"role": "root", "principal": "ada"}', field="role"),
    Case("POST", "/tokens", '{"name": "", "expires_in_days": 1}', field="name"),
    Case("POST", "/tokens", '{"name": "x", "expires_in_days": 100000000000000000000}'),
    # query
    Case("GET", "/models?limit=0", field="limit"),
    Case("GET", "/models?limit=-1", field="limit"),
    Case("GET", "/models?limit=201", field="limit"),
    Case("GET", "/models?limit=2147483648", field="limit"),
    Case("GET", "/models?limit=1e9", field="limit"),
    Case("GET", "/models?limit=NaN", field="limit"),
    Case("GET", "/models?limit=", field="limit"),
    Case("GET", "/models?limit=1&limit=2", field="limit"),
    Case("GET", "/models?limti=1", field="limti"),
    Case("GET", "/models?cursor=zzz", code="invalid_cursor"),
    Case("GET", "/models?order_by=colour", field=None),
    Case("GET", "/models?filter=name%20=", code="invalid_filter"),
    Case("GET", "/models?include_deleted=maybe", field="include_deleted"),
    Case("GET", "/models/m/versions/1?as_of=yesterday", field="as_of"),
    Case("GET", "/models/m/versions/1?as_of=2026-03-03T12:00:00", field="as_of"),
    Case("GET", "/models/m/versions/1?as_of=99999999999999999999", field="as_of"),
    Case("GET", "/models/m/versions/1?as_of=253402300800", field="as_of"),
    Case("GET", "/models/m/stages/production?as_of=253402300800", field="as_of"),
    Case("POST", "/models/m/stages/production/hold", '{"reason": "x", "until": "9999-12-31T23:59:59-23:59"}',
         field="until"),
    Case("GET", "/events?wait=61", field="wait"),
    Case("GET", "/events?wait=nan", field="wait"),
    Case("GET", "/events?limit=1001", field="limit"),
    Case("GET", "/events?kinds=model.exploded"),
    Case("GET", "/events?after=zzz", code="invalid_cursor"),
    Case("GET", "/events?after=other-1", None, 409, "cursor_from_other_epoch"),
    Case("GET", "/events?after=start&consumer=x", field="after"),
    Case("GET", "/policies/solo?version=0", field="version"),
    Case("GET", "/policies/solo?version=99999999999999999999", field="version"),
    # path
    Case("GET", "/models/m/versions/zzz", code="invalid_selector"),
    Case("GET", "/models/m/versions/99999999999999999999999", code="invalid_selector"),
    Case("GET", "/models/m/versions/999999999", None, 404, "version_not_found"),
    Case("GET", "/models/m/versions/sha256:0", code="invalid_selector"),
    Case("GET", "/models/%2e%2e%2fx", code="invalid_name"),
    Case("GET", "/models/%252e%252e", code="invalid_name"),
    Case("GET", "/models/a%2Fb", code="invalid_name"),
    Case("GET", "/models/m%2fversions", code="invalid_name"),
    Case("GET", "/models/a%20b%20", code="invalid_name"),
    Case("GET", "/models/a%09b", code="invalid_name"),
    Case("GET", "/models/a%20b", None, 404, "model_not_found"),
    Case("GET", "/models/a%2Fb/versions/1/files/x", code="invalid_name"),
    Case("GET", "/models/a@b/versions/1", code="invalid_name"),
    Case("GET", "/models/a@b/versions/1/files/x", code="invalid_name"),
    Case("GET", "/models/a@b/stages", code="invalid_name"),
    Case("GET", "/models/a@b/aliases", code="invalid_name"),
    Case("GET", "/models/m/stages/latest", code="invalid_name"),
    Case("GET", "/models/m/stages/a@b", code="invalid_name"),
    Case("GET", "/models/m/stages/a@b?as_of=2026-03-03T12:00:00Z", code="invalid_name"),
    Case("GET", "/models/m/stages/a@b/history", code="invalid_name"),
    Case("GET", "/models/m/stages/none", None, 404, "stage_not_found"),
    Case("GET", "/models/m/aliases/7", code="invalid_name"),
    Case("GET", "/models/m/aliases/a@b", code="invalid_name"),
    Case("GET", "/models/m/aliases/none", None, 404, "alias_not_found"),
    Case("GET", "/models/m/versions/@a@b", code="invalid_selector"),
    Case("GET", "/models/m/versions/md5:0/files", code="invalid_selector"),
    Case("GET", "/models/m/versions/@latest/checks", code="invalid_selector"),
    Case("GET", "/policies/a@b", code="invalid_name"),
    Case("GET", "/policies/none", None, 404, "policy_not_found"),
    Case("GET", "/principals/a%20b", code="invalid_name"),
    Case("GET", "/principals/none", None, 404, "principal_not_found"),
    Case("GET", "/consumers/a@b", code="invalid_name"),
    Case("GET", "/consumers/none", None, 404, "consumer_not_found"),
    Case("GET", "/tokens?principal=a%20b", code="invalid_name"),
    Case("GET", "/events?model=a@b", code="invalid_name"),
    Case("GET", "/events?model=a@*", code="invalid_name"),
    Case("GET", "/events?stage=7", code="invalid_name"),
    Case("GET", "/events/stream?kinds=model.exploded"),
    Case("GET", "/events/stream?after=zzz", code="invalid_cursor"),
    Case("GET", "/events/stream?after=other-1", None, 409, "cursor_from_other_epoch"),
    Case("GET", "/events/stream?after=start&consumer=x", field="after"),
    Case("GET", "/events/stream?heartbeat=0", field="heartbeat"),
    Case("GET", "/events/stream?seconds=-1", field="seconds"),
    Case("GET", "/models/m/versions/1/files/%252e%252e%252fx", None, 404, "file_not_found"),
    Case("GET", "/models/m/versions/1/files/..%2f..%2fetc%2fpasswd", None, 404, "file_not_found"),
    Case("GET", "/models/m/versions/1/files/%2fetc%2fpasswd", None, 404, "file_not_found"),
    Case("GET", "/models/m/versions/1/files/" + "a" * 8192, None, 404, "file_not_found"),
    Case("PUT", "/uploads/x/files/..%2f..%2fx", b"", code="invalid_name"),
    Case("PUT", "/uploads/x/files/sha256:" + "A" * 64, b"", code="invalid_digest"),
    Case("PUT", "/uploads/x/files/md5:" + "0" * 32, b"", code="invalid_digest"),
    Case("PUT", "/uploads/..%2fx/files/sha256:" + "0" * 64, b"", code="invalid_name"),
    Case("PUT", "/uploads/x/files/sha256:" + "0" * 64, b"", 404, "upload_not_found"),
    # headers
    Case("POST", "/models", '{"name": "x"}', field="Idempotency-Key", headers={"idempotency-key": ""}),
    Case("POST", "/models", '{"name": "x"}', field="Idempotency-Key", headers={"idempotency-key": "k" * 201}),
    Case("POST", "/models", '{"name": "x"}', field="Idempotency-Key", headers={"idempotency-key": "a b"}),
    Case("PATCH", "/models/m", "{}", field="If-Match", headers={"if-match": "*"}),
    Case("PATCH", "/models/m", "{}", field="If-Match", headers={"if-match": '"1", "2"'}),
    Case("PATCH", "/models/m", "{}", 412, "revision_mismatch", headers={"if-match": '"999"'}),
    Case("PUT", "/models/m/stages", '{"stages": ["a"]}', 428, "revision_required"),
    # methods
    Case("DELETE", "/models", status=405, code="method_not_allowed"),
    Case("PATCH", "/whoami", status=405, code="method_not_allowed"),
    Case("TRACE", "/whoami", status=405, code="method_not_allowed"),
    Case("GET", "/models/m/nothing", status=404, code="not_found"),
]  # fmt: skip


@pytest.fixture(scope="module")
def http(shared_service: RunningService) -> Iterator[httpx.Client]:
    with shared_service.http() as http:
        create_model(http, "m")
        register(http, "m", {"model.bin": b"bytes"})
        yield http


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.method} {case.path[:60]} {str(case.content)[:40]}")
def test_a_wrong_request_is_told_what_is_wrong(http: httpx.Client, case: Case) -> None:
    answer = http.request(case.method, f"{API}{case.path}", content=case.content, headers={**JSON, **case.headers})
    problem = check_problem(answer)
    assert answer.status_code == case.status, answer.text
    if case.code is not None:
        assert problem["code"] == case.code, answer.text
    if case.field is not None:
        assert problem["details"].get("field") == case.field, answer.text


def check_problem(answer: Any) -> dict[str, Any]:
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    assert answer.headers["x-content-type-options"] == "nosniff"
    problem: dict[str, Any] = answer.json()
    assert problem["status"] == answer.status_code
    assert problem["request_id"] == answer.headers["x-request-id"]
    assert problem["type"].endswith(problem["code"])
    assert problem["detail"]
    for leak in ("Traceback", "registry_service", "site-packages", "sqlalchemy", "msgspec", "SELECT "):
        assert leak not in answer.text
    return problem


@pytest.mark.parametrize(
    "body", ["[]", "7", '"text"', '{"unknown_field": 1}', "{" * 50_000, "\ud800".encode(errors="surrogatepass")]
)
def test_every_route_with_a_body_refuses_what_is_none(http: httpx.Client, body: Any) -> None:
    walked = 0
    for call in all_calls():
        if call.body is not None:
            path = call.path.replace("fraud-detector", "m")
            answer = http.request(call.method, path, content=body, headers=JSON)
            assert answer.status_code == 400, (call, answer.text)
            check_problem(answer)
            walked += 1
    assert walked > 25


def test_every_text_of_every_body_refuses_a_nul(http: httpx.Client) -> None:
    walked = 0
    for call in all_calls():
        if call.body is not None:
            text = json.dumps(sample(body_types()[call.name]))
            for known in ('"text"', '"key"'):
                pieces = text.split(known)
                for at in range(1, len(pieces)):
                    body = known.join(pieces[:at]) + r'"a\u0000b"' + known.join(pieces[at:])
                    answer = http.request(call.method, call.path, content=body, headers=JSON)
                    assert answer.status_code == 400, (call, body, answer.text)
                    assert "NUL" in check_problem(answer)["detail"]
                    walked += 1
    assert walked > 100


def test_every_list_refuses_an_unknown_parameter(http: httpx.Client) -> None:
    for call in all_calls():
        if call.method == "GET":
            path = call.path.replace("fraud-detector", "m")
            answer = http.get(path, params={"colour": "red"})
            assert answer.status_code == 400, (call, answer.text)
            assert check_problem(answer)["details"]["field"] == "colour"


def test_a_method_that_a_path_lacks_is_told_which_it_has(http: httpx.Client) -> None:
    answer = http.delete(f"{API}/models")
    assert set(answer.headers["allow"].split(", ")) >= {"GET", "POST"}


def test_the_service_is_well_after_all_this(http: httpx.Client) -> None:
    assert answered(http.get("/health/ready"))["status"] == "ok"


def test_text_that_only_speaks_of_a_nul_is_taken(http: httpx.Client) -> None:
    body = rb'{"name": "nul", "description": "\\u0000 and \\\\u0000"}'
    made = answered(http.post(f"{API}/models", content=body, headers=JSON), 201)
    assert made["description"] == r"\u0000 and \\u0000"


def test_a_body_of_backslashes_costs_no_memory_besides_itself(http: httpx.Client) -> None:
    body = b'"' + b"\\" * (8 << 20) + b'"'
    tracemalloc.start()
    try:
        assert http.post(f"{API}/uploads", content=body, headers=JSON).status_code == HTTPStatus.BAD_REQUEST
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 8 * len(body)


def test_a_name_with_a_slash_is_named_in_the_refusal(shared_service: RunningService) -> None:
    with shared_service.http() as http:
        problem = http.get(f"{API}/models/team%2ffraud%1b/versions").json()
    assert problem["code"] == "invalid_name"
    assert "names 'team/fraud\\x1b', with a '/'" in problem["detail"]
