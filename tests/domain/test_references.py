from __future__ import annotations

import time

import pytest

from registry_service.domain.errors import InvalidInput
from registry_service.domain.references import check_link, refuse_secret

PLAIN = [
    "",
    "anything at all",
    "file:",
    "FILE://",
    "//host/x",
    "x:///",
    "../../outside/canary",
    "s3://bucket/x?versionId=7",
    "git@git.example:team/model.git",
    "postgresql://reader@warehouse:5432/payments",
    "docker://python:3.11@sha256:" + "0" * 64,
    "hdfs://name:8020/user@home:x",
    "https://a.example/x?design=ab",
    "https://[::1]:8080/a:b@c",
    "mreg_train/scheduled__2026-03-03T00:00:00+00:00",
]
SECRET = [
    "https://user:pw@host/x",
    "s3://key:secret@bucket/x",
    "//user:pw@host/x",
    "https://user@home:pw@host/x",
    "https://:token@git.example/x",
    "https://token:@git.example/x",
    "git+https://user:pw@git.example/x.git@main",
    "see https://user:pw@host for more",
    "https://user:pw@sha256:1/x",
    "https://b.s3.example/x?X-Amz-Date=1&X-Amz-Signature=ab",
    "https://a.example/x?sig=ab",
    "https://a.example/x?Password=ab",
    "mreg_personal_" + "0" * 50,
    "the token mreg_service_0123456789abcDEF",
]


@pytest.mark.parametrize("text", PLAIN)
def test_a_reference_without_a_secret_is_opaque_text(text: str) -> None:
    refuse_secret(text, "ref")


@pytest.mark.parametrize("text", SECRET)
def test_a_secret_is_refused_by_the_name_of_its_field_and_not_repeated(text: str) -> None:
    with pytest.raises(InvalidInput, match=r"^ref carries a password, a token or a signature") as refusal:
        refuse_secret(text, "ref")
    assert refusal.value.details == {"field": "ref"}
    assert text not in refusal.value.message


@pytest.mark.parametrize("repeated", ["/", ":", "@", "//:", "//a:", "//@", "?", "//" + ":@" * 8])
def test_a_long_text_is_read_at_once(repeated: str) -> None:
    began = time.process_time()
    for text in (repeated * (64 * 1024 // len(repeated)), "//" + repeated * (64 * 1024 // len(repeated))):
        try:
            refuse_secret(text, "ref")
        except InvalidInput:
            continue
    assert time.process_time() - began < 0.5  # milliseconds; minutes where each sign were tried with each other


@pytest.mark.parametrize("url", ["http://a.example", "https://user@a.example:8080/x?a=b#c", "HTTPS://a.example/ä"])
def test_a_link_leads_somewhere_by_http(url: str) -> None:
    check_link(url, "url")


@pytest.mark.parametrize(
    "url",
    [
        "",
        "a.example/x",
        "//a.example/x",
        "javascript:alert(1)",
        "JavaScript://a.example/%0aalert(1)",
        " javascript:alert(1)",
        "java\tscript:alert(1)",
        "data:text/html,x",
        "file:///etc/passwd",
        "s3://bucket/x",
        "https:///nowhere",
        "http://[::1",
        "https://a.example/\nx",
        "ht\ntps://a.example",
    ],
)
def test_nothing_else_is_a_link(url: str) -> None:
    with pytest.raises(InvalidInput, match=r"^url is no link"):
        check_link(url, "url")


def test_a_link_with_a_secret_is_not_repeated() -> None:
    for url in ("https://u:p@h/x", "javascript://u:p@h/x"):
        with pytest.raises(InvalidInput, match="carries a password") as refusal:
            check_link(url, "url")
        assert url not in repr(refusal.value.details)
