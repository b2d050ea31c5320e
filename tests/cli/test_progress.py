"""Answers that fit into one look: what was done, what is missing, what to do next."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import CommandLine


@pytest.fixture
def digest(ada: CommandLine, model: str, trained: Path) -> str:
    return str(ada.json("versions", "register", model, str(trained))["digest"])


def test_a_request_says_what_it_waits_for_and_what_to_type(ada: CommandLine, model: str, digest: str) -> None:
    shown = ada("promotions", "request", model, "1", "--stage", "production").out.splitlines()
    promotion = ada.json("promotions", "list", "--model", model)[0]["id"]
    assert shown == [
        f"Requested: {model} 1 for production, {digest} (promotion {promotion})",
        "It waits:",
        f"- Policy 'solo' asks for 1 more approval (approver) by people with the role approver on '{model}'.",
        f"Next: an approver runs model-registry approve {model}/1 --stage production",
    ]


def test_the_last_approval_says_that_it_may_be_applied_and_how(ada: CommandLine, model: str, digest: str) -> None:
    promotion = ada.json("promotions", "request", model, "1", "--stage", "production")["id"]
    approved = ada("approve", promotion, "--yes")
    assert approved.err == "", "with --yes there is nobody to show the evidence to"
    assert approved.out.splitlines() == [
        f"Approved: {model} 1 for production, {digest} (promotion {promotion})",
        "Waived: ada registered the version; policy 'solo' lets own work be approved.",
        "It may be applied now.",
        f"Next: a DAG that waits for it goes on by itself; else model-registry promotions apply {promotion}",
    ]
    leased = ada("promotions", "lease", promotion, "--holder", "run 1").out.splitlines()
    assert leased[-1] == f"Next: model-registry promotions apply {promotion} --holder 'run 1'"
    applied = ada("promotions", "apply", promotion, "--holder", "run 1").out.splitlines()
    assert applied[1:] == ["It is current in production now; before, nothing was."]


def test_an_approval_that_is_not_the_last_says_what_is_missing(
    ada: CommandLine, ben: CommandLine, model: str, digest: str, tmp_path: Path
) -> None:
    for name in ("first", "second"):
        file = tmp_path / f"{name}.json"
        # Both ask for the same check, which is told once.
        rule = {"name": "people", "role": "approver", "count": 2}
        checks = [{"name": check} for check in ("bias", "latency", "licence")]
        file.write_text(json.dumps({"name": f"progress-{name}", "rules": [rule], "checks": checks}))
        ada("policies", "write", str(file))
        ada("policies", "use", f"progress-{name}", "--model", model)
    ada("promotions", "request", model, "1", "--stage", "production")
    shown = ben("approve", f"{model}/1", "--stage", "production", "--yes").out.splitlines()
    assert len(shown) == 6
    assert shown[1] == "It waits:" and shown[4].endswith("(and 2 more)")
    assert len({line for line in shown if line.startswith("- ")}) == 3
    judged = ada("policies", "test", model, "1", "production").out
    assert judged.count("'bias'") == 1


def test_what_is_in_the_way_is_said(ada: CommandLine, model: str, digest: str) -> None:
    ada("policies", "use", "open", "--model", model)
    ada("stages", "hold", model, "production", "--reason", "freeze")
    shown = ada("promotions", "request", model, "1", "--stage", "production").out.splitlines()
    promotion = ada.json("promotions", "list", "--model", model)[0]["id"]
    assert shown[1] == "In its way:" and "freeze" in shown[2]
    assert shown[3] == f"More: model-registry promotions show {promotion}"
    assert ada("promotions", "cancel", promotion).out.splitlines()[1:] == ["It is CANCELLED: cancelled by ada"]


def test_a_policy_in_use_says_where_it_holds_and_how_to_undo_it(ada: CommandLine, model: str) -> None:
    used, undo = ada("policies", "use", "team", "--model", model, "--stage", "production").out.splitlines()
    assert used == f"'team' holds for '{model}', production."
    attachment = undo.removeprefix("Undo: model-registry policies detach ")
    asked = ada("policies", "detach", attachment, typed="y\n")
    assert f"Detach 'team' from '{model}', production?" in asked.err and asked.out == "'team' is detached.\n"
    everywhere = ada("policies", "use", "team", "--model", model, "--default").out
    assert everywhere.startswith(f"'team' holds for '{model}', all stages, where no other policy is attached.")


def test_a_revoked_version_that_is_still_current_is_not_passed_over(ada: CommandLine, model: str, digest: str) -> None:
    promotion = ada.json("promotions", "request", model, "1", "--stage", "production")["id"]
    ada("approve", promotion, "--yes")
    ada("promotions", "apply", promotion)
    shown = ada("versions", "revoke", model, "1", "--reason", "wrong data", "--yes").out.splitlines()
    assert shown[:2] == [f"{model} 1 is revoked: wrong data", "It is still current in production."]
    assert f"model-registry stages vacate {model} production" in shown[-1]
