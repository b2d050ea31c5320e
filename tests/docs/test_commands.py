"""The commands that pages show, typed one after the other against a real service."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from registry_service.client import ApplyPromotion, ArchiveFault, Metadata, RegistryClient, RequestPromotion
from registry_service.domain.archive import DOCUMENTS
from tests.demo.playground import COMMAND
from tests.docs.pages import ROOT, blocks, table_rows
from tests.service_fixture import RunningService, StartService

pytestmark = pytest.mark.slow


def run(service: RunningService, command: list[str], directory: Path) -> str:
    """What a command prints to somebody at a terminal who says yes to all that it asks."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("MODEL_REGISTRY_")}
    keyboard, terminal = os.openpty()
    os.write(keyboard, b"y\n" * 3)
    try:
        done = subprocess.run(
            command,
            env=inherited | {"MODEL_REGISTRY_HOME": str(service.home)},
            cwd=directory,
            stdin=terminal,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    finally:
        os.close(keyboard)
        os.close(terminal)
    assert done.returncode == 0, f"{shlex.join(command)}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def type_all(service: RunningService, page: str, directory: Path, among: str = "") -> dict[str, str]:
    """Each line of the page's shell blocks, or of those that have `among`; what it printed, by the line."""
    printed = {}
    for block in blocks(ROOT / page, "sh"):
        if among not in block:
            continue
        for line in block.splitlines():
            name, *arguments = shlex.split(line, comments=True)
            assert name == "model-registry", line
            printed[line] = run(service, [str(COMMAND), *arguments], directory)
    assert printed
    return printed


@pytest.fixture
def after_training(service: RunningService, tmp_path: Path) -> RunningService:
    """As the quickstart's DAG leaves it: registered and requested by Airflow."""
    (tmp_path / "forest.joblib").write_bytes(b"a forest")
    with RegistryClient(service.url, service.airflow) as registry:
        registry.register("wine", tmp_path / "forest.joblib", metadata=Metadata(metrics={"accuracy": 0.98}))
        registry.request_promotion(RequestPromotion(model="wine", version="1", stage="production"))
    return service


def current_in_production(service: RunningService, model: str) -> int | None:
    with RegistryClient(service.url, service.person) as registry:
        return registry.get_stage(model, "production").version


def test_the_command_of_the_readme_lets_the_first_version_in(after_training: RunningService, tmp_path: Path) -> None:
    type_all(after_training, "README.md", tmp_path)

    with RegistryClient(after_training.url, after_training.airflow) as registry:
        [promotion] = registry.list_promotions(filter="model = 'wine'").items
    assert promotion.phase == "APPROVED"


def test_the_client_of_the_readme_reads_the_first_version(after_training: RunningService, tmp_path: Path) -> None:
    _, code = blocks(ROOT / "README.md", "python")
    assert run(after_training, [sys.executable, "-c", code], tmp_path) == "{'accuracy': 0.98} [1]\n"
    assert (tmp_path / "candidate" / "forest.joblib").read_bytes() == b"a forest"


def test_the_page_about_python_is_a_story_that_runs(service: RunningService, tmp_path: Path) -> None:
    (tmp_path / "trained").mkdir()
    (tmp_path / "trained" / "weights").write_bytes(b"weights")
    shown = type_all(service, "docs/python.md", tmp_path)["model-registry config show"]
    assert "registry 'laptop'" in shown
    story = "\n".join(blocks(ROOT / "docs/python.md", "python"))
    printed = run(service, [sys.executable, "-W", "error", "-c", story], tmp_path)
    assert "Policy 'solo' asks for 1 more approval" in printed
    assert "promotion.approved 1" in printed and "stage.moved 1" in printed
    assert "version.registered owner subscribed" in printed
    assert "1 STAYS ['stage production'" in printed and "2 STAYS" in printed
    assert current_in_production(service, "fraud") == 1


def test_the_page_about_going_across_registries_can_be_typed(start_service: StartService, tmp_path: Path) -> None:
    (tmp_path / "model").write_bytes(b"a model")
    here, prod = start_service(), start_service()
    with RegistryClient(here.url, here.person) as registry:
        version = registry.register("fraud", tmp_path / "model", metadata=Metadata(metrics={"auc": 0.91}))
        asked = registry.request_promotion(RequestPromotion(model="fraud", version="1", stage="production"))
        registry.promotion(asked.id).approve(version.digest)
        registry.apply_promotion(asked.id, ApplyPromotion())
    token = tmp_path / "prod.token"
    token.touch(0o600)
    token.write_text(prod.person)
    run(here, [str(COMMAND), "config", "add", "prod", prod.url, "--token-file", str(token)], tmp_path)

    printed = list(type_all(here, "docs/across.md", tmp_path).values())

    exported, verified, imported, copied = printed
    assert "production APPLIED" in exported
    assert verified.startswith("Sound.")
    assert "fraud 1 is imported" in imported
    assert "Requested: fraud 1 for staging" in imported
    assert "fraud 1 is there already" in copied
    [code] = blocks(ROOT / "docs/across.md", "python")
    assert run(here, [sys.executable, "-W", "error", "-c", code], tmp_path) == "1 False PENDING\n"
    [tools] = blocks(ROOT / "docs/across.md", "bash")
    run(here, ["bash", "-ec", tools], tmp_path)
    assert (tmp_path / "SHA256SUMS").read_text().count("\n") == 4
    with RegistryClient(prod.url, prod.person) as registry:
        assert registry.get_version("fraud", "latest").digest == version.digest
        assert registry.get_stage("fraud", "staging").version is None


def test_the_page_about_going_across_registries_names_every_fault() -> None:
    rows = [row[0].strip("`") for row in table_rows(ROOT / "docs" / "across.md") if row[0].startswith("`")]
    assert rows == ["fault", *ArchiveFault, *DOCUMENTS, "blobs/<hex>", "SHA256SUMS"]


def test_the_quickstart_can_be_typed(after_training: RunningService, tmp_path: Path) -> None:
    with RegistryClient(after_training.url, after_training.person) as registry:
        [promotion] = registry.list_promotions(filter="model = 'wine'").items

    lines = [line for block in blocks(ROOT / "docs/quickstart.md", "sh") for line in block.splitlines()]
    for line in lines:
        if line.startswith("model-registry stages show"):
            # What the DAG does once it was approved.
            run(after_training, [str(COMMAND), "promotions", "apply", promotion.id], tmp_path)
        run(after_training, [str(COMMAND), *shlex.split(line)[1:]], tmp_path)

    assert current_in_production(after_training, "wine") == 1
    assert (tmp_path / "live" / "forest.joblib").read_bytes() == b"a forest"
    [code] = blocks(ROOT / "docs/quickstart.md", "python")
    assert run(after_training, [sys.executable, "-c", code], tmp_path).startswith("1 sha256:")


def test_the_page_about_policies_can_be_typed(service: RunningService, tmp_path: Path) -> None:
    (tmp_path / "model").write_bytes(b"a model")
    [document] = blocks(ROOT / "docs/policies.md", "json")
    (tmp_path / "evaluated.json").write_text(document)
    with RegistryClient(service.url, service.airflow) as registry:
        registry.register("churn", tmp_path / "model", metadata=Metadata(metrics={"auc": 0.9}))

    printed = type_all(service, "docs/policies.md", tmp_path)

    assert "vera" in printed["model-registry --token-file vera.token whoami"]
    judged = printed["model-registry policies test churn 1 production"]
    assert "evaluation" in judged
    assert "another person" in judged


def test_the_page_about_operations_can_be_typed(service: RunningService, tmp_path: Path) -> None:
    (tmp_path / "model").write_bytes(b"a model")
    with RegistryClient(service.url, service.airflow) as registry:
        registry.register("churn", tmp_path / "model")

    printed = type_all(service, "docs/operations.md", tmp_path)

    assert printed["model-registry fsck --deep"].startswith("Sound: ")
    assert "0 artifacts" in printed["model-registry gc --dry-run"]
    assert "1 artifact of 7 B read, 0 damaged" in printed["model-registry scrub --rate 100MB/s"]
    assert "1 of 7 B were new" in printed["model-registry backup nightly"]
    assert "Sound: " in printed["model-registry restore nightly --home restored"]
    assert (tmp_path / "restored" / "registry.db").exists()


def test_the_commands_about_uploads_that_break_off_can_be_typed(service: RunningService, tmp_path: Path) -> None:
    (tmp_path / "model").write_bytes(b"a model")

    printed = type_all(service, "docs/storage.md", tmp_path, among="uploads")

    assert printed["model-registry uploads list"] == "No uploads are open.\n"
