"""What people do with the command, against a real service."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from registry_service.client import (
    FieldType,
    Metadata,
    MetadataField,
    NewUploadFile,
    RegistryClient,
    StartUpload,
    UpdateModel,
)
from tests.cli.conftest import CommandLine
from tests.service_fixture import RunningService


def register(line: CommandLine, model: str, path: Path, *words: str) -> int:
    version = line.json("versions", "register", model, str(path), *words)
    return int(version["number"])


def request(line: CommandLine, model: str, version: int, stage: str = "production") -> str:
    return str(line.json("promotions", "request", model, str(version), "--stage", stage)["id"])


def promote(line: CommandLine, approver: CommandLine, model: str, version: int, stage: str = "production") -> str:
    promotion = request(line, model, version, stage)
    approver("approve", promotion, "--yes")
    line("promotions", "apply", promotion)
    return promotion


def test_a_version_goes_live_and_back(ada: CommandLine, ben: CommandLine, model: str, trained: Path) -> None:
    first = register(ada, model, trained, "--metric", "auc=0.90")
    ada("policies", "use", "team", "--model", model)
    promote(ada, ben, model, first)
    (trained / "weights.bin").write_bytes(b"better")
    second = register(ada, model, trained, "--metric", "auc=0.95")
    promotion = promote(ada, ben, model, second)

    stages = ada("stages", "list", model).out
    assert "production  2" in stages and promotion in stages
    rolled = ada("rollback", model, "production", "--reason", "errors", typed="y\n")
    assert "production of" in rolled.out and "is version 1 again" in rolled.out
    assert f"stages clear-failure {model} production 2" in rolled.out
    assert "Take version 2 of" in rolled.err

    history = ada.json("stages", "history", model, "production")
    assert [(entry["change"], entry["version"]) for entry in history] == [
        ("rolled_back", 1),
        ("promoted", 2),
        ("promoted", 1),
    ]
    assert "errors" in ada("stages", "history", model, "production").out
    then = history[0]["at"]
    assert ada.json("stages", "show", model, "production", "--as-of", history[1]["at"])["version"] == 2
    assert ada.json("stages", "show", model, "production", "--as-of", then)["version"] == 1
    again = ada("rollback", model, "production", "--reason", "x", "--from-version", "2", "--yes", code=1)
    assert "[nothing_to_roll_back]" in again.err

    assert "failed here  2" in ada("stages", "show", model, "production").out
    ben("stages", "clear-failure", model, "production", "2", "--reason", "was the network")
    assert ada.json("stages", "show", model, "production")["failed"] == []


def test_lineage_is_added_shown_and_found(ada: CommandLine, model: str, trained: Path) -> None:
    data = f"s3://{model}/march"
    register(ada, model, trained, "--lineage", f"dataset={data}")
    (trained / "weights.bin").write_bytes(b"pruned")
    register(ada, model, trained)

    added = ada("lineage", "add", model, "2", f"parent_version={model}/1", "code_commit=4f1c2d9").out
    assert f"{model} 2 has 2 edges." in added
    ada("lineage", "add", model, "2", "dataset=s3://b", "--digest", "md5:aa", "--link", "https://data.test/b")
    assert "about one edge" in ada("lineage", "add", model, "2", "task=a", "task=b", "--digest", "md5:aa", code=2).err

    shown = ada("lineage", "show", model, "2").out.splitlines()
    assert [line.split()[:3] for line in shown[1:]] == [
        ["-2", "dataset", data],
        ["-1", "version", f"{model}/1"],
        ["-1", "code_commit", "4f1c2d9"],
        ["-1", "dataset", "s3://b"],
        ["0", "version", f"{model}/2"],
    ]
    assert "1  " in ada("lineage", "show", model, "1", "--direction", "down").out
    assert "raise --limit" in ada("lineage", "show", model, "2", "--limit", "2").err
    assert ada.json("lineage", "find", "dataset", "--ref", data)[0]["version"] == 1
    assert model in ada("lineage", "find", "code_commit", "--ref", "4f1c2d9").out
    assert "No version" in ada("lineage", "find", "dataset", "--digest", "md5:bb").out
    assert "--ref" in ada("lineage", "find", "dataset", code=2).err
    refused = ada("lineage", "add", model, "1", f"parent_version={model}/2", code=1).err
    assert "[lineage_cycle]" in refused


def test_a_digest_leads_to_who_answers_for_it(ada: CommandLine, ben: CommandLine, model: str, trained: Path) -> None:
    # Content that no other test registers: all of them share one service.
    (trained / "weights.bin").write_bytes(model.encode())
    register(ada, model, trained, "--lineage", "code_commit=4f1c2d9")
    ada("policies", "use", "team", "--model", model)
    promote(ada, ben, model, 1)
    digest = ada.json("versions", "show", model, "1")["digest"]
    started = ada.json("deployments", "start", model, f"at-{model}", "--version", "1")

    shown = ada("provenance", digest).out
    for told in (f"{model} 1", "4f1c2d9", "team 1", "approve by ben", "production", f"at-{model}"):
        assert told in shown
    found = ada.json("provenance", digest)
    assert found == ada.json("provenance", "--deployment", started["id"])
    assert found == ada.json("provenance", f"{model}/{found[0]['version']['number']}")
    assert found == ada.json("provenance", "--target", f"at-{model}")
    assert "No version" in ada("provenance", "--target", f"at-{model}", "--as-of", "2020-01-01T00:00").out
    assert "Give one of" in ada("provenance", code=2).err


def test_versions_are_shown_side_by_side(ada: CommandLine, model: str, trained: Path) -> None:
    register(ada, model, trained, "--metric", "auc=0.90", "--param", "depth=6")
    (trained / "weights.bin").write_bytes(b"better")
    register(ada, model, trained, "--metric", "auc=0.95", "--param", "depth=6")

    shown = ada("versions", "compare", f"{model}/1", f"{model}/latest").out
    assert shown.count("signature") == 1, "neither has one, which is one line"

    assert "0.95 (+0.05) *" in shown and "0.9 *" not in shown
    assert "file weights.bin" in shown and "changed" in shown
    assert "param depth" not in shown
    assert "param depth" in ada("versions", "compare", f"{model}/1", f"{model}/2", "--all").out
    found = ada.json("versions", "compare", f"{model}/2", f"{model}/1")
    assert found["metrics"][0]["differences"] == [0.0, -0.05]


def test_an_approver_sees_what_they_sign(ada: CommandLine, ben: CommandLine, model: str, trained: Path) -> None:
    promote(ada, ben, model, register(ada, model, trained, "--metric", "auc=0.90", "--metric", "loss=0.2"))
    (trained / "weights.bin").write_bytes(b"better")
    second = register(ada, model, trained, "--metric", "auc=0.95", "--description", "Trained on March.")
    ada("checks", "report", model, str(second), "bias", "failed", "--summary", "worse for one group")
    request(ada, model, second)
    digest = ada.json("versions", "show", model, "2")["digest"]

    asked = ben("approve", f"{model}/{second}", "--stage", "production", typed="n\n", code=1)
    for shown in (digest, "0.95", "0.9", "+0.05", "loss", "bias", "worse for one group", "Trained on March."):
        assert shown in asked.err, shown
    assert "Nothing was changed." in asked.err and asked.out == ""

    asked = ada.json("promotions", "list", "--model", model, "--filter", "phase = 'PENDING'")[0]["id"]
    assert [one["name"] for one in ada.json("promotions", "reviewers", asked)["people"]] == ["ada", "ben"]
    assert "ben" in ada("promotions", "reviewers", asked).out
    unattended = ben("approve", f"{model}/latest", "--stage", "production", stdin="y\n", code=2)
    assert "--yes" in unattended.err
    other = ben("approve", f"{model}/2", "--stage", "production", "--digest", "sha256:00", "--yes", code=1)
    assert "Nothing was sent" in other.err

    reviewed = ben.json(
        "approve", f"{model}/{second}", "--stage", "production", "--digest", digest, "--comment", "ok", "--yes"
    )
    assert reviewed["phase"] == "APPROVED"
    (review,) = reviewed["reviews"]
    assert (review["reviewer"], review["verdict"], review["digest"], review["comment"]) == (
        "ben",
        "approve",
        digest,
        "ok",
    )
    back = ben.json("promotions", "withdraw", reviewed["id"])
    assert back["phase"] == "PENDING"


def test_a_rejection_needs_a_reason_and_ends_the_request(
    ada: CommandLine, ben: CommandLine, model: str, trained: Path
) -> None:
    promotion = request(ada, model, register(ada, model, trained))
    assert "--comment" in ben("reject", promotion, "--yes", code=2).err
    rejected = ben("reject", promotion, "--comment", "no evaluation", "--yes")
    assert "REJECTED" in rejected.out and "no evaluation" in rejected.out
    assert ada("promotions", "apply", promotion, code=1).err.rstrip().splitlines()[0].endswith("[promotion_final]")
    assert "Nobody asks for" in ben("approve", f"{model}/1", "--stage", "production", "--yes", code=1).err
    assert "--stage" in ben("approve", f"{model}/1", "--yes", code=2).err


def test_promotions_are_listed_leased_failed_and_cancelled(
    ada: CommandLine, ben: CommandLine, model: str, trained: Path
) -> None:
    version = register(ada, model, trained)
    promotion = request(ada, model, version, "staging")
    assert "WAITING" in ada("promotions", "show", promotion).out
    ben("approve", promotion, "--yes")
    assert "run-1, until" in ada("promotions", "lease", promotion, "--holder", "run-1", "--seconds", "600").out
    assert "[lease_held]" in ada("promotions", "lease", promotion, "--holder", "run-2", code=1).err
    assert ada.json("promotions", "show", promotion, "--holder", "run-1")["decision"]["outcome"] == "applicable"
    ada("promotions", "release", promotion, "--holder", "run-1")
    ada("promotions", "lease", promotion, "--holder", "run-1")
    assert "FAILED" in ada("promotions", "fail", promotion, "--holder", "run-1", "--reason", "no memory").out
    second = request(ada, model, version, "staging")
    listed = ada.json("promotions", "list", "--model", model, "--stage", "staging", "--open")
    assert [entry["id"] for entry in listed] == [second]
    assert ada.json("promotions", "list", "--model", model, "--filter", "phase = 'FAILED'")[0]["id"] == promotion
    assert "CANCELLED" in ada("promotions", "cancel", second, "--reason", "changed my mind").out
    assert "No promotions." in ada("promotions", "list", "--model", model, "--open").out


def test_a_held_stage_takes_nothing_until_it_is_released(
    ada: CommandLine, ben: CommandLine, model: str, trained: Path
) -> None:
    promotion = request(ada, model, register(ada, model, trained))
    ben("approve", promotion, "--yes")
    held = ada("stages", "hold", model, "production", "--reason", "freeze", "--until", "2h")
    assert "freeze (ada, until 20" in held.out
    refused = ada("promotions", "apply", promotion, code=1)
    assert "freeze" in refused.err or "held" in refused.err
    ada("stages", "release", model, "production")
    ada("promotions", "apply", promotion)
    ada("versions", "revoke", model, "1", "--reason", "wrong data", "--yes")
    assert "vacant" in ben("stages", "vacate", model, "production", "--reason", "revoked", "--yes").out
    assert "Nothing is current" in ben("stages", "vacate", model, "production", "--reason", "x", "--yes", code=1).err
    assert "[version_revoked]" in ada("versions", "download", model, "1", str(trained / "out"), code=1).err


def test_a_rollback_can_hold_the_stage(ada: CommandLine, ben: CommandLine, model: str, trained: Path) -> None:
    promote(ada, ben, model, register(ada, model, trained))
    promotion = promote(ada, ben, model, register(ada, model, trained, "--param", "depth=2"))
    ada("rollback", model, "production", "--reason", "x", "--until", "1d", "--yes", code=2)
    rolled = ada.json(
        *("rollback", model, "production", "--reason", "slow", "--promotion", promotion, "--to", "1"),
        *("--hold", "--until", "1d", "--yes"),
    )
    assert (rolled["kind"], rolled["version"], rolled["undoes"]) == ("rollback", 1, promotion)
    assert ada.json("stages", "show", model, "production")["hold"]["reason"] == "slow"


def test_metadata_comes_from_a_file_and_from_options(
    ada: CommandLine, model: str, trained: Path, tmp_path: Path
) -> None:
    file = tmp_path / "metadata.json"
    file.write_text(json.dumps({"metrics": {"auc": 0.5, "f1": 0.4}, "framework": "torch", "extra": {"a": [1]}}))
    version = ada.json(
        *("versions", "register", model, str(trained), "--metadata", str(file), "--metric", "auc=0.9"),
        *("--param", "depth=7", "--param", "rate=0.5", "--param", "warm=true", "--param", "name=x7", "--label", "cat"),
        *("--label", "dog", "--format", "onnx", "--score", "0.7", "--tag", "team=a", "--identity", "run 1"),
    )
    assert version["metadata"] == {
        "metrics": {"auc": 0.9, "f1": 0.4},
        "params": {"depth": 7, "rate": 0.5, "warm": True, "name": "x7"},
        "framework": "torch",
        "format": "onnx",
        "score": 0.7,
        "labels": ["cat", "dog"],
        "extra": {"a": [1]},
    }
    assert register(ada, model, trained, "--identity", "run 1") == 1
    assert register(ada, model, trained / "card.md", "--identity", "run 2") == 2
    piped = ada.json("versions", "register", model, str(trained), "--metadata", "-", stdin='{"framework": "jax"}')
    assert Metadata(framework=piped["metadata"]["framework"]) == Metadata(framework="jax")
    file.write_text('{"framwork": "torch"}')
    assert "framwork" in ada("versions", "register", model, str(trained), "--metadata", str(file), code=1).err
    assert "[invalid_metadata]" in ada("versions", "register", model, str(trained), "--metric", "auc=nan", code=1).err
    assert "no number" in ada("versions", "register", model, str(trained), "--metric", "auc=high", code=2).err


def test_versions_are_found_tagged_and_downloaded(ada: CommandLine, model: str, trained: Path, tmp_path: Path) -> None:
    register(ada, model, trained, "--metric", "auc=0.90", "--tag", "team=a", "--tag", "old=1", "--alias", "champion")
    register(ada, model, trained, "--metric", "auc=0.95")
    found = ada.json("versions", "list", model, "--filter", "metrics.auc > 0.92", "--order-by", "number desc")
    assert [version["number"] for version in found] == [2]
    ada("versions", "tag", model, "@champion", "team=b", "new=2", "--remove", "old")
    assert ada.json("versions", "show", model, "1")["tags"] == {"team": "b", "new": "2"}
    ada("versions", "tag", model, "1", code=2)
    ada("versions", "update", model, "1", "--description", "The first.", "--remove-tag", "new")
    changed = ada.json("versions", "show", model, "1")
    assert (changed["tags"], changed["description"]) == ({"team": "b"}, "The first.")
    shown = ada("versions", "show", model, "@champion", "--files")
    assert "weights.bin" in shown.out and "auc=0.9" in shown.out and "@champion" in shown.out
    assert len(ada.json("versions", "show", model, "1", "--files")["manifest"]["files"]) == 2
    everywhere = ("versions", "find", "--filter", f"model = '{model}' AND tags.team = 'b'")
    assert [version["number"] for version in ada.json(*everywhere, "--order-by", "metrics.auc desc")] == [1]
    assert model in ada(*everywhere).out
    facets = ada("versions", "facets", "tags.team", "framework", "--filter", f"model = '{model}'").out
    assert "tags.team  b" in facets and "of 2 versions" in facets
    facets = ada("models", "facets", "owner", "stage", "--filter", f"name = '{model}'").out
    assert "owner  ada" in facets and "stage  (none)" in facets and "of 1 model" in facets
    assert [one["version"] for one in ada.json("search", "FIRST", "te") if one["model_name"] == model] == [1]
    assert "Nothing in sight" in ada("search", "neverwritten").out
    one = ada("versions", "list", model, "--limit", "1")
    assert len(one.out.splitlines()) == 2 and "--limit" in one.err
    assert "2 files" in ada("versions", "download", model, "@champion", str(tmp_path / "live")).out
    assert (tmp_path / "live" / "weights.bin").read_bytes() == b"weights"


def test_models_are_made_changed_archived_deleted_and_restored(ada: CommandLine, model: str) -> None:
    made = ada(
        "models", "create", model, "--description", "# Churn", "--tag", "a=1", "--stage", "test", "--stage", "live"
    )
    assert "test=-, live=-" in made.out and "# Churn" in made.out
    ada("models", "update", model, "--tag", "b=2", "--remove-tag", "a", "--description", "New")
    shown = ada.json("models", "show", model)
    assert (shown["tags"], shown["description"]) == ({"b": "2"}, "New")
    ada("models", "archive", model)
    assert "archived" in ada("models", "list", "--filter", f"name = '{model}'").out
    ada("models", "archive", model, "--undo")
    ada("stages", "arrange", model, "live", "canary", "test")
    assert [stage["name"] for stage in ada.json("stages", "list", model)] == ["live", "canary", "test"]
    assert "Nothing was changed." in ada("models", "delete", model, typed="n\n", code=1).err
    ada("models", "delete", model, "--yes")
    assert "[model_not_found]" in ada("models", "show", model, code=1).err
    assert any(entry["name"] == model and entry["deleted_at"] for entry in ada.json("models", "list", "--deleted"))
    ada("models", "restore", model)
    ada("models", "delete", model, "--yes")
    ada("models", "release-name", model, "--yes")
    ada("models", "create", model)


def test_who_took_part_does_not_review_and_what_made_it_is_shown(
    ada: CommandLine, ben: CommandLine, model: str, trained: Path
) -> None:
    ada("policies", "use", "team", "--model", model)
    registered = ada("versions", "register", model, str(trained), "--lineage", "code_commit=4f1c2d9", "--person", "ben")
    assert "code_commit  4f1c2d9" in registered.out
    promotion = request(ada, model, 1)
    assert "[self_approval]" in ben("approve", promotion, "--yes", code=1).err
    assert "dag_run" in ada("versions", "register", model, str(trained), "--lineage", "commit=4f1c2d9", code=2).err


def test_a_model_demands_fields_of_its_versions(ada: CommandLine, model: str, trained: Path) -> None:
    made = ada(
        *("models", "create", model, "--require", "metrics.auc:number"),
        *("--recommend", "extra.country:string", "--recommend", "framework:string"),
    )
    assert "metrics.auc    number  required" in made.out and "framework      string  recommended" in made.out
    refused = ada("versions", "register", model, str(trained), code=1)
    assert "metrics.auc" in refused.err and "[metadata_required]" in refused.err
    registered = ada("versions", "register", model, str(trained), "--metric", "auc=0.9", "--framework", "onnx")
    assert "Recommended and missing: extra.country" in registered.err

    ada("models", "update", model, "--require", "framework:string", "--remove-field", "metrics.auc")
    fields = ada.json("models", "show", model)["metadata_fields"]
    assert [(field["key"], field["type"], field.get("required", True)) for field in fields] == [
        ("extra.country", "string", False),
        ("framework", "string", True),
    ]
    ada("models", "update", model, "--tag", "a=1")
    assert ada.json("models", "show", model)["metadata_fields"] == fields
    assert "types are" in ada("models", "update", model, "--require", "metrics.auc", code=2).err
    twice = ("--require", "task:string", "--recommend", "task:string")
    assert "once" in ada("models", "update", model, *twice, code=2).err


def test_a_field_keeps_its_description_when_its_demand_changes(ada: CommandLine, model: str) -> None:
    ada("models", "create", model)
    described = MetadataField(key="task", type=FieldType.STRING, description="What it is for.")
    with RegistryClient(ada.environment["MODEL_REGISTRY_URL"], ada.environment["MODEL_REGISTRY_TOKEN"]) as client:
        client.update_model(model, UpdateModel(metadata_fields=[described]))
    assert "What it is for." in ada("models", "update", model, "--recommend", "task:string").out


def test_aliases_move_and_go(ada: CommandLine, model: str, trained: Path) -> None:
    register(ada, model, trained)
    register(ada, model, trained)
    assert "@champion is version 1" in ada("aliases", "move", model, "@champion", "1").out
    ada("aliases", "move", model, "champion", "latest")
    assert ada.json("aliases", "list", model)[0]["version"] == 2
    assert "@champion" in ada("aliases", "list", model).out
    assert ada.json("aliases", "remove", model, "champion") == {"removed": "champion"}
    assert "No aliases." in ada("aliases", "list", model).out
    assert "[stage_protected]" in ada("aliases", "move", model, "production", "1", code=1).err


def test_checks_carry_their_evidence(ada: CommandLine, model: str, trained: Path, tmp_path: Path) -> None:
    register(ada, model, trained)
    evidence = tmp_path / "evidence.json"
    evidence.write_text('{"auc": 0.9}')
    check = ada.json(
        *("checks", "report", model, "1", "evaluation", "passed", "--summary", "fine"),
        *("--evidence", str(evidence), "--url", "https://example.org/run"),
    )
    assert (check["status"], check["evidence"]) == ("passed", {"auc": 0.9})
    listed = ada("checks", "list", model, "1").out
    assert "evaluation  passed" in listed
    assert "auc 0.9" in listed and "https://example.org/run" in listed
    ada("checks", "report", model, "1", "evaluation", code=2)


def test_policies_are_written_attached_tested_and_taken_off(
    ada: CommandLine, model: str, trained: Path, tmp_path: Path
) -> None:
    register(ada, model, trained)
    file = tmp_path / "policy.json"
    name = "checked"
    document = {"name": name, "nobody_need_review": True, "checks": [{"name": "evaluation"}]}
    file.write_text(json.dumps(document))
    assert ada("policies", "write", str(file)).out == f"'{name}' is written as version 1.\n"
    document["description"] = "An evaluation."
    file.write_text(json.dumps(document))
    assert ada.json("policies", "write", str(file))["result_version"] == 2
    assert "[revision_mismatch]" in ada("policies", "write", str(file), "--version", "1", code=1).err
    assert "An evaluation." in ada("policies", "show", name).out
    assert ada.json("policies", "show", name, "--version", "1")["version"] == 1
    attachment = ada.json("policies", "attach", name, model, "production")["attachment_id"]
    assert "check_missing" in ada("policies", "test", model, "1", "production").out
    assert "APPLICABLE" in ada("policies", "test", model, "1", "production", "--file", str(_open(tmp_path))).out
    listed = ada("policies", "list")
    assert attachment in listed.out and "solo" in listed.out
    ada("policies", "detach", attachment, "--yes")
    assert attachment not in ada("policies", "list").out
    assert "detach" in ada("policies", "changes").out
    file.write_text('{"name": "empty"}')
    assert "[invalid_policy]" in ada("policies", "write", str(file), code=1).err


def test_rules_let_go_what_a_preview_shows(ada: CommandLine, model: str, trained: Path) -> None:
    for number in range(3):
        (trained / "weights.bin").write_bytes(str(number).encode())
        register(ada, model, trained)
    keeps = ("--model", model, "--keep-last", "1", "--keep-where", "metrics.auc > 2", "--keep-younger-than", "1s")
    written = ada("retention", "write", model, *keeps)
    assert written.out.startswith(f"'{model}' holds in version 1. Nothing was deleted.")
    second = ada.json("retention", "write", model, *keeps, "--every", "36h")
    assert (second["version"], second["document"]["every"]) == (2, 36 * 3600)
    assert "[revision_mismatch]" in ada("retention", "write", model, *keeps, "--version", "1", code=1).err
    listed = ada("retention", "list").out
    assert "the last 1, or younger than 1s, or where metrics.auc > 2" in listed and "every 36h" in listed
    assert "every 36h" in ada("retention", "show", model).out
    assert "every" not in ada("retention", "show", model, "--version", "1").out
    ada("aliases", "move", model, "best", "2")
    time.sleep(1)
    shown = ada("retention", "preview", "--model", model).out
    assert "1 of 3 versions of 1 model would go" in shown
    preview = shown.split()[-1]
    assert ada.json("retention", "preview", "--continue", preview)["going"] == 1
    stays = ada("retention", "versions", preview, "--fate", "stays").out
    assert "alias best" in stays and f"keep_last {model}" in stays
    assert preview in ada("retention", "previews").out
    assert "Delete 1 version" in ada("retention", "apply", preview, typed="n\n", code=1).err
    assert ada("retention", "apply", preview, "--yes").out == "1 version deleted, 0 skipped.\n"
    assert "let go by retention" in ada("versions", "show", model, "1", code=1).err
    ada("aliases", "remove", model, "best")
    again = ada.json("retention", "preview", "--model", model)
    ada("aliases", "move", model, "best", "2")
    done = ada("retention", "apply", again["id"], "--yes").out
    assert done.startswith("0 versions deleted, 1 skipped.") and "alias best" in done
    assert "holds no longer" in ada("retention", "end", model, "--yes").out
    assert ada.json("retention", "show", model)["ended_by"]


def test_what_looks_forgotten_is_shown(ada: CommandLine, model: str, trained: Path) -> None:
    register(ada, model, trained)
    assert model in ada("forgotten", "models", "--order-by", "name").out
    (taken,) = [one for one in ada.json("forgotten", "models", "--limit", "200") if one["model_name"] == model]
    assert taken["last_used_at"] is None
    assert model in ada("forgotten", "versions", "--idle", "0d").out
    assert ada("forgotten", "versions", "--order-by", "created_at").out == "No versions.\n"
    assert ada("forgotten", "stages").out == "No stages.\n"
    assert "No uploads" in ada("forgotten", "uploads", "--idle", "25h").out


def test_a_second_person_confirms_where_the_policy_says_so(
    alone: CommandLine, ada: CommandLine, shared_service: RunningService, model: str
) -> None:
    from tests.cli.conftest import speaking_for

    ada("models", "create", model)
    eve = speaking_for(alone, shared_service, shared_service.token_of("eve", role="admin"))
    proposed = ada("policies", "use", "regulated", "--model", model)
    if "Not in force yet" not in proposed.out:
        attachment = next(a["id"] for a in ada.json("policies", "list")["attachments"] if a["model_pattern"] == model)
        proposed = ada("policies", "detach", attachment, "--yes")
    assert "Not in force yet" in proposed.out
    change = ada.json("policies", "changes")[0]["id"]
    ada("policies", "confirm", change, "--yes", code=1)
    assert "confirmed by eve" in eve("policies", "confirm", change, "--yes").out


def test_people_services_groups_and_grants(ada: CommandLine) -> None:
    ada("principals", "create", "carl", "--kind", "person", "--display-name", "Carl")
    ada("principals", "create", "robot", "--kind", "service", "--owner", "carl")
    assert "No roles. Give one:" in ada("principals", "show", "robot").out
    ada("principals", "update", "robot", "--display-name", "The robot", "--owner", "ada", "--owner", "carl")
    robot = ada.json("principals", "show", "robot")
    assert (robot["display_name"], robot["owners"]) == ("The robot", ["ada", "carl"])
    ada("principals", "groups", "write", "risk", "carl")
    assert "risk" in ada("principals", "groups", "list").out
    ada("principals", "grant", "carl", "contributor", "--model", "team-a.*")
    ada("principals", "grant", "risk", "approver", "--group")
    shown = ada("principals", "show", "carl")
    assert "contributor  team-a.*" in shown.out and "group risk" in shown.out
    grants = {grant["role"]: grant["id"] for grant in ada.json("principals", "show", "carl")["grants"]}
    ada("principals", "ungrant", grants["contributor"])
    ada("principals", "groups", "remove", "risk")
    assert ada.json("principals", "show", "carl")["grants"] == []
    assert "disabled" in ada("principals", "disable", "robot").out
    assert "enabled" in ada("principals", "disable", "robot", "--undo").out
    assert {entry["name"] for entry in ada.json("principals", "list")} >= {"ada", "airflow", "carl", "robot"}


def test_events_are_listed_from_a_cursor(ada: CommandLine, model: str, trained: Path) -> None:
    register(ada, model, trained)
    first = ada.json("events", "list", "--model", model, "--limit", "1")
    assert [event["kind"] for event in first["events"]] == ["model.created"]
    rest = ada("events", "list", "--model", model, "--after", first["cursor"], "--kind", "version.*")
    assert "version.registered" in rest.out and "cursor: " in rest.out
    assert "[invalid_cursor]" in ada("events", "list", "--after", "yesterday", code=1).err


def test_deployments_show_what_was_authorised_and_what_was_observed(
    ada: CommandLine, model: str, trained: Path
) -> None:
    register(ada, model, trained)
    of_model = ("--filter", f"model = '{model}'")
    assert "--version" in ada("deployments", "start", model, "eu", code=2).err
    started = ada.json("deployments", "start", model, "eu", "--version", "1", "--traffic", "0.1", "--role", "canary")
    assert "not yet" in ada("deployments", "list", *of_model).out
    assert "--nothing" in ada("deployments", "observe", started["id"], code=2).err
    ada("deployments", "observe", started["id"], "--digest", started["digest"])
    assert "as authorised" in ada("deployments", "list", *of_model).out
    ada("deployments", "observe", started["id"], "--digest", "sha256:" + "0" * 64)
    assert "something else" in ada("deployments", "list", *of_model).out
    shown = ada("deployments", "show", started["id"]).out
    assert started["digest"] in shown and "sha256:0000" in shown and "10%" in shown and "canary" in shown
    assert ada.json("deployments", "show", started["id"])["drifted"] is True
    assert "nothing" in ada("deployments", "observe", started["id"], "--nothing", "--status", "ended").out


def test_what_was_measured_is_shown_and_compared_by_role(ada: CommandLine, model: str, trained: Path) -> None:
    register(ada, model, trained)
    primary = ada.json("deployments", "start", model, "eu", "--version", "1")
    canary = ada.json("deployments", "start", model, "eu", "--version", "1", "--role", "canary", "--traffic", "0.1")
    assert "Nothing was measured." in ada("deployments", "metrics", primary["id"]).out
    for started, figure in ((primary, "40"), (canary, "52.5")):
        observe = ("deployments", "observe", started["id"], "--digest", started["digest"])
        ada(*observe, "--metric", f"p95_ms={figure}", "--metric", "error_rate=0.01")
    assert "p95_ms      52.5" in ada("deployments", "metrics", canary["id"]).out
    compared = ada("deployments", "roles", canary["id"]).out
    assert "+12.5" in compared and "primary" in compared and "10%" in compared
    assert "Nothing was measured." in ada("deployments", "roles", canary["id"], "--since", "2099-01-01T00:00").out
    refused = ada("deployments", "observe", canary["id"], "--nothing", "--metric", "p95_ms=nan", code=1)
    assert "metrics" in refused.err and "[invalid_input]" in refused.err


def test_what_is_live_stands_beside_what_was(ada: CommandLine, ben: CommandLine, model: str, trained: Path) -> None:
    register(ada, model, trained)
    assert "Nothing is live." in ada("live", f"{model}*").out
    started = ada.json("deployments", "start", model, "eu", "--version", "1")
    assert "not yet" in ada("live", model).out
    ada("policies", "use", "team", "--model", model)
    promotion = promote(ada, ben, model, 1)
    assert promotion in ada("live", model, "--stage", "production").out
    ada("deployments", "observe", started["id"], "--digest", started["digest"])
    assert "as authorised" in ada("live", model).out and "NOT" not in ada("live", model).out
    ada("deployments", "observe", started["id"], "--digest", "sha256:" + "0" * 64)
    assert "NOT as authorised" in ada("live", model).out
    assert "Nothing was live." in ada("live", model, "--at", "2020-01-01T00:00").out
    (found,) = ada.json("live", "--filter", f"model = '{model}'")
    assert (found["stages"][0]["version"], found["deployments"][0]["drifted"]) == (1, True)
    assert "[model_not_found]" in ada("live", "nobody", code=1).err


def test_what_is_deployed_before_its_promotion_is_applied_fills_no_stage(
    ada: CommandLine, ben: CommandLine, model: str, trained: Path
) -> None:
    register(ada, model, trained)
    ada("policies", "use", "team", "--model", model)
    promotion = request(ada, model, 1)
    ben("approve", promotion, "--yes")
    ada("deployments", "start", model, "eu", "--promotion", promotion)
    (row,) = [line for line in ada("live", model).out.splitlines() if "production" in line]
    assert row.split() == [model, "production", "vacant", "-", "-", "eu", "primary", "not", "yet", "-"]
    ada("promotions", "apply", promotion)
    assert promotion in ada("live", model).out and "vacant" not in ada("live", model).out


def test_what_was_revoked_is_live_as_that_and_never_as_authorised(
    ada: CommandLine, ben: CommandLine, model: str, trained: Path
) -> None:
    register(ada, model, trained)
    ada("policies", "use", "team", "--model", model)
    promote(ada, ben, model, 1)
    started = ada.json("deployments", "start", model, "eu", "--version", "1", "--stage", "production")
    ada("deployments", "observe", started["id"], "--digest", started["digest"])
    assert "REVOKED" not in ada("live", model).out and "NOT" not in ada("live", model).out
    ada("versions", "revoke", model, "1", "--reason", "leaks data", "--yes")
    shown = ada("live", model).out
    assert "1 REVOKED" in shown and "NOT as authorised: revoked" in shown
    assert "what was revoked" in ada("deployments", "list", "--filter", f"model = '{model}'").out
    assert f"{model} 1 REVOKED" in ada("deployments", "show", started["id"]).out
    ben("stages", "vacate", model, "production", "--reason", "revoked", "--yes")
    shown = ada("live", model).out
    assert "vacant" in shown and "NOT as authorised: revoked" in shown


def test_what_a_version_was_used_for_is_reported_and_shown(ada: CommandLine, model: str, trained: Path) -> None:
    register(ada, model, trained)
    assert "No usages." in ada("usages", "list", model, "1").out
    assert "never" in ada("usages", "show", model, "1").out
    report = ("usages", "report", model, "1", "payments/2026-03-02", "score/1")
    assert ada.json(*report, "--rows", "7") == ada.json(*report)
    assert "payments/2026-03-02  score/1  7 " in ada("usages", "list", model, "1").out
    ada("aliases", "move", model, "champion", "1")
    shown = ada("usages", "show", model, "1").out
    assert "alias champion" in shown and "never" not in shown
    assert "[digest_mismatch]" in ada(*report, "--digest", "sha256:" + "0" * 64, code=1).err
    unused = ada.json("versions", "list", model, "--filter", "last_used_at IS NULL")
    assert unused == []


def test_an_upload_is_shown_and_ended(ada: CommandLine, model: str) -> None:
    ada("models", "create", model)
    announced = NewUploadFile(digest="sha256:" + "1" * 64, size=1)
    with RegistryClient(ada.environment["MODEL_REGISTRY_URL"], ada.environment["MODEL_REGISTRY_TOKEN"]) as client:
        upload = client.start_upload(StartUpload(model=model, files=[announced]))
    assert upload.id in ada("uploads", "list").out
    assert announced.digest in ada("uploads", "show", upload.id).out
    assert "has ended" in ada("uploads", "abort", upload.id).out
    assert upload.id not in ada("uploads", "list").out
    assert "[upload_closed]" in ada("uploads", "show", upload.id, code=1).err


def test_consumers_are_listed_moved_and_forgotten(ada: CommandLine) -> None:
    cursor = ada.json("events", "list", "--after", "latest")["cursor"]
    assert cursor in ada("events", "consumers", "move", "deployer", cursor).out
    assert "deployer  " in ada("events", "consumers", "list").out
    ada("events", "consumers", "remove", "deployer")
    assert "deployer" not in ada("events", "consumers", "list").out


@pytest.mark.parametrize("line", ["ada", "ben"])
def test_who_am_i_says_what_one_may_do(line: str, request: pytest.FixtureRequest) -> None:
    shown = request.getfixturevalue(line)("whoami").out
    assert line in shown and {"ada": "admin", "ben": "approver"}[line] in shown


def _open(directory: Path) -> Path:
    file = directory / "open.json"
    file.write_text('{"name": "anything", "nobody_need_review": true}')
    return file


def test_people_write_to_each_other(ada: CommandLine, ben: CommandLine, model: str, trained: Path) -> None:
    version = register(ada, model, trained)
    promotion = request(ada, model, version)
    assert "No comments." in ada("comments", "list", model).out
    comment = ada.json("comments", "add", f"{model}/latest", "@ben, see \x1b[2J\u202e*this*.\nTwice.")
    assert (comment["version"], comment["mentions"]["people"]) == (version, ["ben"])
    shown = ben("comments", "list", f"{model}/{version}").out
    assert "\x1b" not in shown and "\u202e" not in shown and "*this*.\n  Twice." in shown
    assert "So?" in ben("comments", "add", model, "So?").out
    assert "Why now?" in ben("comments", "add", "--promotion", promotion, "Why now?").out
    assert [one["text"] for one in ada.json("comments", "list", "--promotion", promotion)] == ["Why now?"]
    assert [one["text"] for one in ada.json("comments", "list", model)] == ["So?"]

    assert "[not_permitted]" in ben("comments", "edit", comment["id"], "no", code=1).err
    assert ", edited " in ada("comments", "edit", comment["id"], "better").out
    assert "better" in ben("comments", "show", comment["id"]).out
    assert "(removed)" in ada("comments", "remove", comment["id"], typed="y\n").out


def test_a_card_is_written_from_a_file(
    ada: CommandLine, ben: CommandLine, model: str, trained: Path, tmp_path: Path
) -> None:
    file = tmp_path / "card.md"
    file.write_text("---\nlicense: mit\n---\n# Use \x1b[2J\u202e\n\nAt the pier.\n")
    version = register(ada, model, trained)
    assert "[card_not_found]" in ada("models", "card", "show", model, code=1).err
    assert "No card." in ada("models", "card", "history", model).out
    assert "no card" in ada("versions", "card", model, str(version)).out
    first = ada.json("models", "card", "set", model, str(file), "--revision", "0")
    assert first["front_matter"] == {"license": "mit"}
    shown = ben("models", "card", "show", model).out
    assert "\x1b" not in shown and "\u202e" not in shown and shown.endswith("\n\nAt the pier.\n")
    version = register(ada, model, trained)
    assert "Nothing was changed since." in ben("versions", "card", model, str(version)).out

    file.write_text("---\nlicense: apache-2.0\n---\n# Limits\n")
    assert "[revision_mismatch]" in ada("models", "card", "set", model, str(file), "--revision", "1", code=1).err
    assert "revision" in ada("models", "card", "set", model, str(file)).out
    history = ada.json("models", "card", "history", model)
    assert [one["digest"] for one in history][1:] == [first["digest"]]
    assert "At the pier." in ada("models", "card", "show", model, "--digest", first["digest"]).out
    changed = ben("versions", "card", model, str(version)).out
    assert "changed  license" in changed and "added  # Limits" in changed and "removed  # Use" in changed

    file.write_bytes(b"\xff")
    assert "UTF-8" in ada("models", "card", "set", model, str(file), code=1).err
    file.write_bytes(b"x" * 300_000)
    assert "256.0 KiB" in ada("models", "card", "set", model, str(file), code=1).err
    assert "card.md" in ada("models", "card", "set", model, str(file.with_suffix(".txt") / "card.md"), code=1).err


def test_files_are_attached_to_a_check(
    ada: CommandLine, ben: CommandLine, model: str, trained: Path, tmp_path: Path
) -> None:
    version = str(register(ada, model, trained))
    plot, page = tmp_path / "plot.png", tmp_path / "report.html"
    plot.write_bytes(b"\x89PNG")
    page.write_text("<h1>Good</h1>")
    reported = ada.json(
        "checks", "report", model, version, "evaluation", "passed", "--attach", str(plot), "--attach", str(page)
    )
    assert [(one["name"], one["media_type"]) for one in reported["attachments"]] == [
        ("plot.png", "image/png"),
        ("report.html", "text/html"),
    ]
    assert "plot.png, report.html" in ben("checks", "list", model, version).out
    brought = tmp_path / "brought"
    assert "report.html" in ben("checks", "download", model, version, str(reported["id"]), str(brought)).out
    assert (brought / "plot.png").read_bytes() == b"\x89PNG"
    assert (brought / "report.html").read_text() == "<h1>Good</h1>"

    bare = ada.json("checks", "report", model, version, "evaluation", "passed")
    refused = ben("checks", "download", model, version, str(bare["id"]), str(brought), code=1)
    assert "[attachment_not_found]" in refused.err
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "plot.png").write_bytes(b"")
    twice = ["--attach", str(plot), "--attach", str(tmp_path / "other" / "plot.png")]
    assert "one name" in ada("checks", "report", model, version, "evaluation", "passed", *twice, code=2).err


def test_many_promotions_are_reviewed_at_once(
    ada: CommandLine, ben: CommandLine, model: str, trained: Path, tmp_path: Path
) -> None:
    version = register(ada, model, trained)
    digest = ada.json("versions", "show", model, str(version))["digest"]
    promotions = [request(ada, model, version, stage) for stage in ("staging", "production")]
    reviews = [{"promotion": one, "digest": digest, "verdict": "approve"} for one in promotions]
    listed = tmp_path / "reviews.json"
    listed.write_text(json.dumps([*reviews, {**reviews[0], "promotion": "absent"}]))
    assert "--yes" in ben("reviews", "bulk", str(listed), code=2).err
    asked = ben("reviews", "bulk", str(listed), typed="n\n", code=1)
    assert "Approve 3 promotions?" in asked.err
    shown = ben("reviews", "bulk", str(listed), "--yes", code=1).out
    assert shown.count("APPROVED") == 2 and "promotion_not_found" in shown
    again = ben.json("reviews", "bulk", "-", "--yes", stdin=json.dumps(reviews))
    assert [(one["promotion_id"], one["reviewed"]) for one in again] == [(one, True) for one in promotions]


def test_what_waits_is_shown_to_whom_it_waits_for(
    ada: CommandLine, ben: CommandLine, model: str, trained: Path
) -> None:
    version = register(ada, model, trained)
    ada("policies", "use", "team", "--model", model)
    promotion = request(ada, model, version)
    comment = ada.json("comments", "add", "--promotion", promotion, "@ben, please")["id"]
    shown = ben("inbox").out
    for text in (promotion, "1 more approval", f"on promotion {promotion} of {model}", "@ben, please"):
        assert text in shown, text
    assert promotion not in ada("inbox").out
    left = ben.json("inbox", "--read", comment)
    assert comment not in [one["comment"]["id"] for one in left["mentions"]]
    ben("approve", promotion, "--yes")
    assert promotion not in ben("inbox").out


def test_somebody_stands_in_for_another(ada: CommandLine, ben: CommandLine) -> None:
    assert "ben" in ada("delegations", "add", "ben", "--until", "3d", "--reason", "Holidays").out
    assert "[delegation_overlaps]" in ada("delegations", "add", "ben", "--until", "2d", code=1).err
    (given,) = ben.json("delegations", "list", "--in-force", "--principal", "ada")
    assert (given["principal"], given["to"], given["reason"]) == ("ada", "ben", "Holidays")
    assert given["id"] in ben("delegations", "end", given["id"]).out
    assert ben.json("delegations", "list", "--in-force") == []


def test_whoever_follows_a_model_reads_what_happened(
    ada: CommandLine, ben: CommandLine, model: str, trained: Path
) -> None:
    version = register(ada, model, trained)
    assert f"You follow {model}" in ben("subscriptions", "add", model).out
    (subscription,) = [one for one in ben.json("subscriptions", "list") if one["pattern"] == model]
    shown = ben("activity", "--subscribed", "--limit", "1").out
    assert "version.registered" in shown and model in shown and "subscribed" in shown
    kinds = [one["event"]["kind"] for one in ada.json("activity", "--model", model, "--person", "ada")]
    assert (kinds[0], kinds[-1], version) == ("version.registered", "model.created", 1)
    assert "has ended" in ben("subscriptions", "remove", subscription["id"]).out
    assert model not in ben("subscriptions", "list").out
