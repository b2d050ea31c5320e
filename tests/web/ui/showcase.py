"""A registry in which there is something to see: models in all states that the pages tell apart."""

from __future__ import annotations

from typing import Any, NamedTuple

import httpx

from tests.service_fixture import RunningService
from tests.web.stories import API, answered, create_model, digest_of, promote, register, upload

MODEL = "fraud-detector"
_AUC = (0.902, 0.913, 0.887, 0.921, 0.934)
_PLOT = (
    b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 200 120"><rect width="200" height="120" fill="#fff"/>'
    b'<polyline points="10,110 40,60 90,32 190,14" fill="none" stroke="#0b7a75" stroke-width="3"/></svg>'
)
CARD = """---
license: apache-2.0
language: [en, de]
intended_use: card payments in Europe
---
# Fraud detector

Scores a payment between 0 (fine) and 1 (fraud).

## Limits

Not trained on *cash withdrawals*.

| slice | auc |
| --- | --- |
| online | 0.94 |
| in person | 0.91 |
"""


class Showcase(NamedTuple):
    """`waiting`: a promotion of version 5 to production that waits for `grace`, an approver, and `linus`, an admin;
    `rejected`: that of version 3. `preview`: of what a retention rule would let go. Tokens are of these
    people and of `mary`, a reader."""

    grace: str
    linus: str
    mary: str
    waiting: str
    rejected: str
    preview: str


def build_showcase(service: RunningService) -> Showcase:
    grace = service.token_of("grace", role="approver")
    linus = service.token_of("linus", role="admin")
    mary = service.token_of("mary", role="reader")
    with service.http() as ada, service.http(service.airflow) as airflow, service.http(grace) as approver:
        create_model(
            ada,
            MODEL,
            description="Scores **card payments** as they come in.",
            tags={"team": "risk", "tier": "1"},
        )
        answered(ada.put(f"{API}/models/{MODEL}/card", json={"text": CARD}), 200)
        digests = [_version(airflow, number, auc) for number, auc in enumerate(_AUC, start=1)]
        promote(ada, MODEL, "1", "staging")
        promote(ada, MODEL, "1")
        promote(ada, MODEL, "2", "staging")
        promote(ada, MODEL, "2")
        _checks(airflow)
        rejected = _ask(airflow, "3")
        review = {"verdict": "reject", "digest": digests[2], "comment": "auc fell below version 2"}
        answered(approver.post(f"{API}/promotions/{rejected}/reviews", json=review))
        promote(ada, MODEL, "4", "staging")
        answered(ada.put(f"{API}/models/{MODEL}/aliases/challenger", json={"version": "4"}))
        attached = {"policy": "regulated", "model_pattern": MODEL, "stage": "production"}
        answered(ada.post(f"{API}/policies/attachments", json=attached), 201)
        waiting = _ask(airflow, "5", "trained on the data of last month")
        text = {"text": "Recall on *online* payments is what matters here, @grace."}
        answered(ada.post(f"{API}/promotions/{waiting}/comments", json=text), 201)
        _deploy(airflow, digests)
        for name, owner in (("churn.de", "growth"), ("churn.fr", "growth"), ("demand-forecast", "supply")):
            create_model(ada, name, description=f"{name} of the team {owner}", tags={"team": owner})
            register(
                airflow, name, {"model.onnx": name.encode()}, metadata={"format": "onnx", "metrics": {"mape": 0.11}}
            )
        promote(ada, "churn.de", "1")
        preview = _retain(ada)
        answered(ada.put(f"{API}/groups/reviewers", json={"members": ["grace"]}))
        answered(ada.post(f"{API}/grants", json={"role": "approver", "pattern": "churn*", "group": "reviewers"}), 201)
    return Showcase(grace, linus, mary, waiting, rejected, preview)


def _retain(http: httpx.Client) -> str:
    rule = {"name": "month", "pattern": "*", "keep_last": 3, "keep_younger_than": 30 * 86_400}
    answered(http.post(f"{API}/retention/rules", json={"document": rule}), 201)
    preview = str(answered(http.post(f"{API}/retention/previews", json={"pattern": "*"}), 201)["id"])
    while answered(http.post(f"{API}/retention/previews/{preview}/continue"))["phase"] != "READY":
        pass
    return preview


def _version(http: httpx.Client, number: int, auc: float) -> str:
    lineage = [
        {"kind": "dag_run", "ref": f"fraud_nightly/scheduled__2026-11-{10 + number}"},
        {"kind": "code_commit", "ref": f"{number:07x}c0ffee"},
        {"kind": "dataset", "ref": f"s3://lake/payments/2026-11-{number:02}.parquet"},
    ]
    if number > 1:
        lineage.append({"kind": "parent_version", "ref": f"{MODEL}/{number - 1}"})
    metadata = {
        "metrics": {"auc": auc, "recall": auc - 0.13, "log_loss": round(1 - auc, 4)},
        "directions": {"log_loss": "lower_is_better"},
        "params": {"max_depth": 4 + number, "eta": 0.1, "objective": "binary:logistic"},
        "framework": "xgboost",
        "framework_version": "3.1",
        "format": "onnx",
        "precision": "fp16" if number > 3 else "fp32",
        "signature": {
            "inputs": {"type": "object", "properties": {"amount": {"type": "number"}}, "required": ["amount"]},
            "outputs": {"type": "number"},
        },
    }
    files = {
        "model.onnx": f"weights of {number}".encode() * 4096,
        "features/scaler.json": b'{"amount": 113.2}',
        "README.md": b"how to use it",
    }
    fields: dict[str, Any] = {"metadata": metadata, "lineage": lineage, "description": f"The {number}. night."}
    return str(register(http, MODEL, files, **fields)["digest"])


def _checks(http: httpx.Client) -> None:
    for number, auc in enumerate(_AUC, start=1):
        passed = number != 3
        evidence = {"auc": auc, "baseline": 0.9, "rows": 120_000}
        report = {
            "name": "evaluation",
            "status": "passed" if passed else "failed",
            "summary": f"auc {auc} on 120,000 rows" + ("" if passed else ", below the current version"),
            "evidence": evidence,
            "attachments": [
                {"name": "roc.svg", "media_type": "image/svg+xml", "digest": digest_of(_PLOT), "size": len(_PLOT)}
            ],
            "upload": upload(http, MODEL, [_PLOT]),
        }
        answered(http.post(f"{API}/models/{MODEL}/versions/{number}/checks", json=report), 201)


def _ask(http: httpx.Client, version: str, reason: str = "") -> str:
    wanted = {"model": MODEL, "version": version, "stage": "production", "reason": reason}
    return str(answered(http.post(f"{API}/promotions", json=wanted), 201)["id"])


def _deploy(http: httpx.Client, digests: list[str]) -> None:
    for target, version, role, observed in (("eu-endpoint", "2", "primary", 1), ("us-endpoint", "2", "primary", 0)):
        body = {"model": MODEL, "version": version, "target": target, "role": role, "stage": "production"}
        started = answered(http.post(f"{API}/deployments", json=body), 201)
        seen = {"status": "running", "digest": digests[observed]}
        answered(http.post(f"{API}/deployments/{started['id']}/observed", json=seen))
