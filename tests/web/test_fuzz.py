"""Requests generated from the API's description: whatever comes, no fault, and no answer beside the description."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.service_fixture import RunningService
from tests.web.stories import API, answered, create_model, digest_of, promote, register

# They would take away what the other requests are about, or wait.
LEFT_OUT = (
    "update_principal", "revoke_token", "remove_grant", "delete_model", "release_name", "abort_upload", "read_events",
)  # fmt: skip


@pytest.fixture
def things(service: RunningService) -> dict[str, list[str]]:
    """Path parameters that lead to something."""
    with service.http() as http:
        create_model(http, "m")
        register(http, "m", {"model.bin": b"one"}, aliases=["best"])
        register(http, "m", {"model.bin": b"two"}, metadata={"metrics": {"auc": 0.9}})
        applied = promote(http, "m", "1")
        asked = {"model": "m", "version": "2", "stage": "production"}
        waiting = answered(http.post(f"{API}/promotions", json=asked), 201)
        running = answered(http.post(f"{API}/deployments", json={"model": "m", "target": "eu", "version": "1"}), 201)
        files = [{"digest": digest_of(b"three"), "size": 5}]
        upload = answered(http.post(f"{API}/uploads", json={"model": "m", "files": files}), 201)
    return {
        "model": ["m"],
        "selector": ["1", "2", "latest", "@best", "@production"],
        "path": ["model.bin"],
        "alias": ["best", "other"],
        "stage": ["staging", "production"],
        "promotion": [applied["id"], waiting["id"]],
        "deployment": [running["id"]],
        "upload": [upload["id"]],
        "digest": [digest_of(b"three")],
        "name": ["solo", "airflow", "consumer"],
        "group": ["one", "two"],
    }


def described(document: dict[str, Any], things: dict[str, list[str]]) -> dict[str, Any]:
    for methods in document["paths"].values():
        for operation in methods.values():
            for parameter in operation["parameters"]:
                if parameter["in"] == "path" and parameter["name"] in things:
                    parameter["schema"]["enum"] = things[parameter["name"]]
    return document


@pytest.mark.slow
def test_generated_requests_find_no_fault(
    service: RunningService, things: dict[str, list[str]], tmp_path: Path
) -> None:
    with service.http() as http:
        document = described(answered(http.get("/openapi.json")), things)
    description = tmp_path / "openapi.json"
    description.write_text(json.dumps(document))
    checks = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"
    command = [
        str(Path(sys.executable).with_name("schemathesis")), "run", str(description), "--url", service.url,
        "-H", f"Authorization: Bearer {service.person}", "--checks", checks, "--max-examples", "10",
        "--phases", "coverage,fuzzing", "--generation-database", "none", "--seed", "7", "--no-color",
    ]  # fmt: skip
    for name in LEFT_OUT:
        command += ["--exclude-operation-id", name]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stdout[-5000:]
    assert " passed" in done.stdout
