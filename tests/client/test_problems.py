from __future__ import annotations

import json

import httpx
import pytest

from registry_service.client import (
    ArrangeStages,
    RegistryError,
    RegistryUnreachable,
    UnexpectedAnswer,
    UpdateModel,
    calls,
)
from registry_service.client.transport import refusal
from registry_service.domain.errors import error_classes
from tests.client.conftest import Connect
from tests.client.registry import Registry, answer, fresh, problem


@pytest.mark.parametrize("code", sorted(error_classes()))
def test_each_refusal_comes_back_as_the_class_that_was_raised(code: str) -> None:
    cls = error_classes()[code]
    sent = cls("What is wrong; what to do.", names=["a"])
    sent.details |= {"message": "details may have any key", "details": 1}
    error = refusal(problem(sent, 400))
    assert type(error) is cls
    assert error.message == str(error) == "What is wrong; what to do."
    assert {key: error.details[key] for key in sent.details} == sent.details


def test_a_code_of_a_newer_service_is_a_refusal_with_that_code() -> None:
    document = {"code": "moon_phase", "detail": "Wait.", "status": 409}
    response = httpx.Response(409, json=document, headers={"Content-Type": "application/problem+json; charset=utf-8"})
    error = refusal(response)
    assert type(error) is RegistryError and error.details == {"code": "moon_phase"} and error.message == "Wait."


@pytest.mark.parametrize(
    ("response", "raised", "words"),
    [
        (httpx.Response(404, html="<h1>nginx</h1>"), UnexpectedAnswer, "404 (text/html)"),
        (httpx.Response(302, headers={"Location": "https://login.test/"}), UnexpectedAnswer, "https://login.test/"),
        (httpx.Response(504, html="gateway"), RegistryUnreachable, "answered 504"),
        (httpx.Response(200, html="<h1>hello</h1>"), UnexpectedAnswer, "can't be understood"),
        (httpx.Response(200, json={"name": "churn"}), UnexpectedAnswer, "like versions"),
        (httpx.Response(200, content=b'{"name": "\xe9"}'), UnexpectedAnswer, "can't be understood"),
        (httpx.Response(200, content=b'{"x":' * 50_000), UnexpectedAnswer, "can't be understood"),
        (
            httpx.Response(400, content=b"{", headers={"Content-Type": "application/problem+json"}),
            UnexpectedAnswer,
            "Check the URL",
        ),
    ],
)
def test_what_is_no_registry_is_told_apart_from_one_that_refuses(
    connect: Connect, response: httpx.Response, raised: type[Exception], words: str
) -> None:
    with pytest.raises(raised) as caught:
        connect(lambda request: fresh(response), retries=0).get_model("churn")
    assert words in str(caught.value)
    assert "secret" not in str(caught.value)


def test_a_read_can_ask_only_for_what_has_changed(connect: Connect, registry: Registry) -> None:
    version = registry.add({"model.bin": b"x"})

    def service(request: httpx.Request) -> httpx.Response:
        if request.headers.get("If-None-Match") == f'"{version.revision}"':
            return httpx.Response(304)
        return registry(request)

    client = connect(service)
    assert client.send(calls.get_version("churn", 1).unless_revision(version.revision)) is None
    assert client.send(calls.get_version("churn", 1).unless_revision(99)) == version


def test_a_304_that_nobody_asked_for_is_not_an_answer(connect: Connect) -> None:
    with pytest.raises(UnexpectedAnswer):
        connect(lambda request: httpx.Response(304)).get_model("churn")


def test_the_revision_that_was_seen_goes_along(connect: Connect) -> None:
    seen: list[httpx.Request] = []

    def service(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return answer({"items": []})

    client = connect(service)
    client.arrange_stages("churn", ArrangeStages(stages=["production"]), revision=7)
    with pytest.raises(UnexpectedAnswer):
        client.update_model("churn", UpdateModel(archived=True))
    assert [request.headers.get("If-Match") for request in seen] == ['"7"', None]
    assert json.loads(seen[1].content) == {"archived": True}
    assert seen[0].headers["Authorization"] == "Bearer secret"
    assert seen[0].headers["Content-Type"] == "application/json"
