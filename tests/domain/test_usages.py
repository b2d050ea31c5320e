from __future__ import annotations

from typing import Any

import pytest

from registry_service.domain.errors import InvalidDigest, InvalidInput, TooLarge
from registry_service.domain.requests import ReportUsage
from registry_service.domain.usages import MAX_ROWS, check_usage


def usage(**said: Any) -> ReportUsage:
    return ReportUsage(**{"batch": "payments/2026-03-02", "run": "score/scheduled__2026-03-03T00:00:00+00:00"} | said)


@pytest.mark.parametrize(
    "said",
    [
        {},
        {"rows": 0},
        {"rows": MAX_ROWS, "digest": "sha256:" + "0" * 64},
        {"batch": "s3://payments/2026-03-02.parquet?versionId=7", "run": "x" * 1024},
        {"batch": "postgresql://reader@warehouse:5432/payments"},
        {"batch": "Zahlungen, März", "run": "a:b@c"},
    ],
)
def test_batches_and_runs_are_references_of_any_kind(said: dict[str, Any]) -> None:
    check_usage(usage(**said))


@pytest.mark.parametrize("what", ["batch", "run"])
@pytest.mark.parametrize(
    "text",
    [
        "postgresql://reader:hunter2@warehouse/payments",
        "https://:token@git.example/x",
        "https://b.s3.example/x?X-Amz-Date=1&X-Amz-Signature=ab",
        "https://a.example/x?sig=ab",
        "https://a.example/x?access_token=ab",
        "https://a.example/x?Password=ab",
        "mreg_personal_" + "0" * 50,
    ],
)
def test_what_carries_a_secret_is_refused_and_not_repeated(what: str, text: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        check_usage(usage(**{what: text}))
    assert refusal.value.details == {"field": what}
    assert text not in refusal.value.message


@pytest.mark.parametrize(
    ("said", "refusal"),
    [
        ({"batch": ""}, InvalidInput),
        ({"run": " "}, InvalidInput),
        ({"batch": "a\nb"}, InvalidInput),
        ({"run": "a\x1b[2J"}, InvalidInput),
        ({"batch": "\ud800"}, InvalidInput),
        ({"run": "ä" * 513}, TooLarge),
        ({"rows": -1}, InvalidInput),
        ({"rows": MAX_ROWS + 1}, InvalidInput),
        ({"digest": "sha256:1"}, InvalidDigest),
    ],
)
def test_what_is_no_usage_is_refused(said: dict[str, Any], refusal: type[Exception]) -> None:
    with pytest.raises(refusal):
        check_usage(usage(**said))
