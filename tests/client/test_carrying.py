"""Versions that go from one real registry to another, by both clients."""

from __future__ import annotations

import asyncio
import os
import tarfile
import threading
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from registry_service.client import (
    ApplyPromotion,
    CancelPromotion,
    Conflict,
    DigestMismatch,
    GiveReview,
    ImportedVersion,
    InvalidArchive,
    LineageKind,
    Metadata,
    ModelNotFound,
    NewLineageEdge,
    NotApproved,
    NotPermitted,
    Outcome,
    ReasonCode,
    RegistryClient,
    ReportCheck,
    RequestPromotion,
    RevokeVersion,
    SelfApproval,
    VersionDeleted,
    VersionRevoked,
    WritePolicy,
    read_archive,
    verify_archive,
)
from registry_service.domain.entities import CheckStatus, Verdict
from registry_service.domain.policies import PolicyDocument, RequiredCheck, ReviewRule
from registry_service.domain.requests import AttachPolicy, DeleteVersion
from tests.archived import archive_of, history_of, version_of
from tests.client.conftest import Connect
from tests.service_fixture import RunningService, running, settings_for

Speaking = Callable[..., Any]


@pytest.fixture(scope="module")
def origin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningService]:
    """The registry where versions come from; `shared_service` is where they go."""
    with running(settings_for(tmp_path_factory.mktemp("origin") / "service")) as service:
        yield service


@pytest.fixture
def speaking_there(connect: Connect, origin: RunningService) -> Speaking:
    """A client of somebody else's, there."""
    return lambda who, role="approver", pattern="*": connect(
        url=origin.url, token=origin.token_of(who, role=role, pattern=pattern)
    )


@pytest.fixture
def speaking_here(connect: Connect, shared_service: RunningService) -> Speaking:
    return lambda who, role="approver": connect(url=shared_service.url, token=shared_service.token_of(who, role=role))


@pytest.fixture
def there(connect: Connect, origin: RunningService) -> Any:
    return connect(url=origin.url, token=origin.person)


@pytest.fixture
def here(connect: Connect, shared_service: RunningService) -> Any:
    return connect(url=shared_service.url, token=shared_service.person)


@pytest.fixture
def name(request: pytest.FixtureRequest) -> str:
    found: str = request.node.name
    return found.removeprefix("test_").replace("[", ".").replace("]", "")[-80:].strip("_.")


@pytest.fixture
def trained(tmp_path: Path) -> Path:
    root = tmp_path / "trained"
    (root / "sub").mkdir(parents=True)
    (root / "weights").write_bytes(os.urandom(3_000_000))
    (root / "sub" / "card ü.md").write_bytes(b"# card")
    (root / "copy.md").write_bytes(b"# card")
    (root / "empty").write_bytes(b"")
    return root


@pytest.fixture
def exported(there: Any, name: str, trained: Path, tmp_path: Path) -> Path:
    """An archive of a version that went into production there."""
    metadata = Metadata(
        metrics={"auc": 0.91, "big": 1e20}, params={"rate": 1e-3, "n": 1e20}, extra={"a": [1, {"b": None}]}
    )
    version = there.register(
        name,
        trained,
        metadata=metadata,
        description="Trained in *March*.",
        tags={"team": "risk"},
        lineage=[NewLineageEdge(kind=LineageKind.CODE_COMMIT, ref="4f1c2d9")],
    )
    there.report_check(name, 1, ReportCheck(name="evaluation", status=CheckStatus.PASSED, evidence={"auc": 0.91}))
    asked = there.request_promotion(RequestPromotion(model=name, version="1", stage="production"))
    there.review_promotion(asked.id, GiveReview(verdict=Verdict.APPROVE, digest=version.digest, comment="sound"))
    there.apply_promotion(asked.id, ApplyPromotion())
    file = tmp_path / "exported.mra"
    there.export_version(name, "@production", file)
    return file


def contents(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def test_a_version_arrives_as_it_left(here: Any, there: Any, name: str, exported: Path, trained: Path) -> None:
    before = there.get_version(name, 1)
    imported = here.import_archive(exported)
    after = imported.version
    assert isinstance(imported, ImportedVersion) and not imported.existed and imported.promotion is None
    assert (after.digest, after.metadata, after.description, after.tags) == (
        before.digest,
        before.metadata,
        before.description,
        before.tags,
    )
    assert (after.stages, after.aliases, after.created_by) == ([], [], "ada")
    here.download(name, after.number, trained.parent / "live")
    assert contents(trained.parent / "live") == contents(trained)


def test_the_lineage_leads_to_where_it_came_from(here: Any, there: Any, name: str, exported: Path) -> None:
    after = here.import_archive(exported).version
    edges = {edge.kind: edge for edge in after.lineage}
    source = there.get_version(name, 1)
    assert edges[LineageKind.CODE_COMMIT].ref == "4f1c2d9"
    edge = edges[LineageKind.OTHER]
    assert (edge.ref, edge.url, edge.digest) == (source.url, source.url, source.digest)
    assert edge.details["registry"] == source.url.partition("/models/")[0]
    assert edge.details["check 1"].startswith("evaluation: passed by ada")
    assert edge.details["promotion 1"].startswith("to production: APPLIED, requested by ada; approve by ada")
    found = list(here.iterate_made_from("other", ref=source.url))
    assert [(one.model_name, one.version) for one in found] == [(name, after.number)]


@pytest.fixture
def two_people(here: Any, name: str) -> str:
    """Production asks for a check and for an approver who took no part."""
    policy = "".join(character for character in name if character.isalnum())[-60:]
    rule = ReviewRule(name="approver", role="approver")
    document = PolicyDocument(name=policy, checks=(RequiredCheck(name="evaluation"),), rules=(rule,))
    here.write_policy(WritePolicy(document=document))
    here.attach_policy(AttachPolicy(policy=policy, model_pattern=name))
    return policy


@pytest.mark.usefixtures("two_people")
def test_what_was_decided_there_counts_for_nothing_here(here: Any, name: str, exported: Path) -> None:
    imported = here.import_archive(exported, promote="production", reason="approved over there")
    promotion = imported.promotion
    assert (promotion.requested_by, promotion.phase, promotion.reviews) == ("ada", "PENDING", [])
    assert promotion.decision.outcome is not Outcome.APPLICABLE
    codes = {reason.code for reason in promotion.decision.reasons}
    assert {ReasonCode.CHECK_MISSING, ReasonCode.REVIEW_MISSING} <= codes
    with pytest.raises(NotApproved):
        here.apply_promotion(promotion.id, ApplyPromotion())
    assert list(here.iterate_checks(name, imported.version.number)) == []
    assert [stage.version for stage in here.iterate_stages(name)] == [None, None]


@pytest.mark.usefixtures("two_people")
def test_a_history_that_was_made_up_counts_for_as_little(
    here: Any, speaking_here: Speaking, name: str, tmp_path: Path
) -> None:
    # Everybody here is said to have approved there, of the very promotion that will be requested here.
    people = {who: speaking_here(who) for who in ("ben", "vera")}
    [promotion], [check] = history_of().promotions, history_of().checks
    reviews = [
        msgspec.structs.replace(promotion.reviews[0], reviewer=who, withdrawn_at=None) for who in ("ada", *people)
    ]
    history = history_of(
        promotions=[
            msgspec.structs.replace(promotion, stage=stage, reviews=reviews) for stage in ("staging", "production")
        ],
        checks=[check],
        stages=["staging", "production"],
        aliases=["champion"],
        tags={"approved": "yes", "approved_by": "ben"},
        description="Approved. @ben @vera: nothing to do.",
    )
    file = tmp_path / "made-up.mra"
    file.write_bytes(archive_of(version=version_of(model_name=name), history=history))
    imported = here.import_archive(file, promote="production")
    assert imported.promotion.reviews == []
    assert ReasonCode.REVIEW_MISSING in {reason.code for reason in imported.promotion.decision.reasons}
    with pytest.raises(NotApproved):
        here.apply_promotion(imported.promotion.id, ApplyPromotion())
    assert imported.version.aliases == imported.version.stages == []
    # They were not mentioned, and may still do what is theirs.
    assert people["ben"].get_inbox().mentions == []
    here.report_check(name, 1, ReportCheck(name="evaluation", status=CheckStatus.PASSED))
    people["vera"].review_promotion(
        imported.promotion.id, GiveReview(verdict=Verdict.APPROVE, digest=imported.version.digest, comment="mine")
    )
    assert here.apply_promotion(imported.promotion.id, ApplyPromotion()).phase == "APPLIED"


@pytest.mark.usefixtures("two_people")
def test_whoever_imports_has_registered_and_doesnt_approve_it(
    here: Any, speaking_here: Speaking, name: str, exported: Path
) -> None:
    carla = speaking_here("carla")
    version = carla.import_archive(exported).version
    assert version.created_by == "carla"
    promotion = here.request_promotion(RequestPromotion(model=name, version="1", stage="production"))
    approval = GiveReview(verdict=Verdict.APPROVE, digest=version.digest, comment="mine")
    with pytest.raises(SelfApproval):
        carla.review_promotion(promotion.id, approval)


@pytest.mark.usefixtures("two_people")
def test_whoever_registered_it_there_doesnt_approve_it_here(
    here: Any, speaking_here: Speaking, name: str, exported: Path
) -> None:
    carla = speaking_here("carla")
    version = carla.import_archive(exported, promote="production")
    approval = GiveReview(verdict=Verdict.APPROVE, digest=version.version.digest, comment="mine")
    with pytest.raises(SelfApproval):
        here.review_promotion(version.promotion.id, approval)  # ada, who registered it there


@pytest.mark.usefixtures("two_people")
def test_nor_where_somebody_else_had_registered_the_same_content_before(
    here: Any, speaking_here: Speaking, name: str, exported: Path, trained: Path
) -> None:
    carla = speaking_here("carla")
    carla.register(name, trained, metadata=read_archive(exported).version.metadata)
    imported = carla.import_archive(exported, promote="production")
    assert imported.existed
    approval = GiveReview(verdict=Verdict.APPROVE, digest=imported.version.digest, comment="mine")
    with pytest.raises(SelfApproval):
        here.review_promotion(imported.promotion.id, approval)  # ada, who registered it there


@pytest.mark.usefixtures("two_people")
def test_an_open_promotion_that_doesnt_name_who_registered_it_there_is_in_the_way(
    here: Any, speaking_here: Speaking, name: str, exported: Path, trained: Path
) -> None:
    carla = speaking_here("carla")
    version = carla.register(name, trained, metadata=read_archive(exported).version.metadata)
    asked = carla.request_promotion(RequestPromotion(model=name, version="1", stage="production"))
    assert asked.people == []
    with pytest.raises(Conflict, match="'ada', who registered") as refused:
        carla.import_archive(exported, promote="production")
    assert refused.value.details == {"promotion": asked.id, "people": ["ada"]}
    carla.cancel_promotion(asked.id, CancelPromotion(reason="names nobody"))
    imported = carla.import_archive(exported, promote="production")
    assert imported.promotion.people == ["ada"]
    with pytest.raises(SelfApproval):
        here.review_promotion(imported.promotion.id, GiveReview(verdict=Verdict.APPROVE, digest=version.digest))


def test_readers_export_and_dont_import(
    speaking_there: Speaking, speaking_here: Speaking, name: str, exported: Path, tmp_path: Path
) -> None:
    reader = speaking_there("rita", "reader")
    reader.export_version(name, 1, tmp_path / "by-rita.mra")
    assert read_archive(tmp_path / "by-rita.mra").record.exported_by == "rita"
    with pytest.raises(NotPermitted):
        speaking_here("rita", "reader").import_archive(exported)


def test_what_one_may_not_read_is_not_exported(
    there: Any, speaking_there: Speaking, name: str, trained: Path, tmp_path: Path
) -> None:
    there.register(f"secret-{name}", trained)
    parent = NewLineageEdge(kind=LineageKind.PARENT_VERSION, ref=f"secret-{name}/1")
    there.register(name, trained / "weights", lineage=[parent])
    sam = speaking_there(f"sam-{name}", "reader", name)
    with pytest.raises(ModelNotFound):
        sam.export_version(f"secret-{name}", 1, tmp_path / "secret.mra")
    sam.export_version(name, 1, tmp_path / "open.mra")
    assert f"secret-{name}".encode() not in (tmp_path / "open.mra").read_bytes()
    there.export_version(name, 1, tmp_path / "by-ada.mra")
    assert f"secret-{name}".encode() in (tmp_path / "by-ada.mra").read_bytes()
    assert sorted(path.name for path in tmp_path.glob("*.mra")) == ["by-ada.mra", "open.mra"]


def test_importing_twice_imports_once(here: Any, name: str, exported: Path) -> None:
    first = here.import_archive(exported)
    again = here.import_archive(exported)
    assert (first.existed, again.existed) == (False, True)
    assert again.version == first.version
    asked = here.import_archive(exported, promote="staging").promotion
    assert here.import_archive(exported, promote="staging").promotion.id == asked.id
    other = here.import_archive(exported, model=f"other-{name}")
    assert (other.existed, other.version.model_name, other.version.digest) == (
        False,
        f"other-{name}",
        first.version.digest,
    )


def test_content_that_is_there_by_other_means_is_that_version(
    here: Any, there: Any, name: str, exported: Path, trained: Path
) -> None:
    version = here.register(name, trained, metadata=there.get_version(name, 1).metadata)
    imported = here.import_archive(exported)
    assert (imported.existed, imported.version.number) == (True, version.number)
    # Also where it came from.
    back = there.import_archive(exported)
    assert (back.existed, back.version.number) == (True, 1)


def test_two_imports_at_once_make_one_version(shared_service: RunningService, name: str, exported: Path) -> None:
    found: list[ImportedVersion] = []

    def bring(token: str) -> None:
        with RegistryClient(shared_service.url, token) as registry:
            found.append(registry.import_archive(exported))

    tokens = [shared_service.person, shared_service.person, shared_service.token_of("carla", role="approver")]
    threads = [threading.Thread(target=bring, args=[token]) for token in tokens * 2]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {one.version.number for one in found} == {1}
    assert len(found) == 6


def test_contents_that_are_there_are_not_sent(
    here: Any, shared_service: RunningService, name: str, exported: Path, trained: Path
) -> None:
    here.register(f"before-{name}", trained)
    with shared_service.http() as http:
        before = len(http.get("/api/v1/uploads").json()["items"])
    sent: list[tuple[str, int]] = []
    here.import_archive(
        exported, progress=lambda path, done, total: sent.append((path, done)) if done < total else None
    )
    assert sent == []
    with shared_service.http() as http:
        assert len(http.get("/api/v1/uploads").json()["items"]) == before


def test_what_was_revoked_or_deleted_here_doesnt_come_back(here: Any, name: str, exported: Path) -> None:
    here.import_archive(exported)
    here.delete_version(name, 1, DeleteVersion(reason="not needed"))
    with pytest.raises(VersionDeleted):
        here.import_archive(exported)
    here.restore_version(name, 1)
    here.revoke_version(name, 1, RevokeVersion(reason="poisoned"))
    with pytest.raises(VersionRevoked, match="poisoned"):
        here.import_archive(exported, promote="production")
    assert list(here.iterate_promotions(filter=f"model = '{name}'")) == []


def test_what_was_revoked_there_doesnt_leave(there: Any, name: str, exported: Path, tmp_path: Path) -> None:
    there.revoke_version(name, 1, RevokeVersion(reason="poisoned"))
    with pytest.raises(VersionRevoked):
        there.export_version(name, 1, tmp_path / "late.mra")
    assert not (tmp_path / "late.mra").exists()


def test_a_version_that_took_the_place_of_an_import_is_noticed(
    here: Any, name: str, exported: Path, trained: Path
) -> None:
    digest = verify_archive(exported).version.digest
    squatter = here.register(name, trained / "weights", identity=f"archive:{digest}")
    with pytest.raises(DigestMismatch):
        here.import_archive(exported, promote="production")
    assert here.get_version(name, "latest").number == squatter.number
    assert list(here.iterate_promotions(filter=f"model = '{name}'")) == []


def test_an_archive_that_is_off_in_anything_changes_nothing(
    here: Any, name: str, exported: Path, tmp_path: Path
) -> None:
    data = bytearray(exported.read_bytes())
    for at in (0, 700, len(data) // 2, len(data) - 1):
        damaged = tmp_path / f"damaged-{at}"
        damaged.write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
        with pytest.raises(InvalidArchive):
            here.import_archive(damaged)
    with pytest.raises(InvalidArchive):
        here.import_archive(exported, digest="sha256:" + "0" * 64)
    with pytest.raises(ModelNotFound):
        here.get_model(name)


def test_the_same_version_makes_the_same_bytes_but_for_the_record(
    there: Any, name: str, exported: Path, tmp_path: Path
) -> None:
    there.export_version(name, 1, tmp_path / "again.mra")

    def members(file: Path) -> dict[str, bytes]:
        with tarfile.open(file) as tar:
            found = {member.name: tar.extractfile(member) for member in tar}
            return {name: reader.read() for name, reader in found.items() if reader is not None}

    one, other = members(exported), members(tmp_path / "again.mra")
    assert list(one) == list(other)
    assert {found for found in one if one[found] != other[found]} == {"archive.json", "SHA256SUMS"}
    changed = zip(one["SHA256SUMS"].splitlines(), other["SHA256SUMS"].splitlines(), strict=True)
    assert [first.split()[1] for first, second in changed if first != second] == [b"archive.json"]


def test_the_file_has_its_name_only_once_it_is_whole(
    there: Any, origin: RunningService, name: str, exported: Path, tmp_path: Path
) -> None:
    place = tmp_path / "place"
    place.mkdir()
    file = there.get_manifest(name, 1).files[-1]
    [blob] = origin.artifacts.rglob(file.digest.removeprefix("sha256:"))
    whole = blob.read_bytes()
    blob.chmod(0o644)
    blob.write_bytes(whole[:-1] + b"x")
    try:
        with pytest.raises(DigestMismatch):
            there.export_version(name, 1, place / "fraud.mra")
        assert list(place.iterdir()) == []
    finally:
        blob.write_bytes(whole)
    there.export_version(name, 1, place / "fraud.mra")
    assert verify_archive(place / "fraud.mra").version.digest == verify_archive(exported).version.digest


def test_a_chain_of_registries_keeps_the_digest_and_where_it_began(
    here: Any, there: Any, name: str, exported: Path, tmp_path: Path
) -> None:
    here.import_archive(exported, model=f"second-{name}")
    here.export_version(f"second-{name}", 1, tmp_path / "second.mra")
    third = there.import_archive(tmp_path / "second.mra", model=f"third-{name}").version
    assert third.digest == there.get_version(name, 1).digest
    origins = {edge.ref for edge in third.lineage if edge.kind is LineageKind.OTHER}
    assert origins == {there.get_version(name, 1).url, here.get_version(f"second-{name}", 1).url}


def test_handles_export_and_import(there: Any, here: Any, name: str, exported: Path, tmp_path: Path) -> None:
    there.model(name).version("@production").export(tmp_path / "handled.mra")
    imported = here.model(f"handled-{name}").import_archive(tmp_path / "handled.mra", promote="staging")
    assert imported.version.digest == verify_archive(exported).version.digest
    assert imported.promotion.stage == "staging"


@pytest.mark.slow
def test_memory_stays_flat_however_large_the_files(there: Any, here: Any, name: str, tmp_path: Path) -> None:
    large, file = tmp_path / "large", tmp_path / "large.mra"
    large.write_bytes(os.urandom(1024 * 1024) * 96)
    there.register(name, large)
    tracemalloc.start()  # of client and service, which share this process
    try:
        there.export_version(name, 1, file)
        exporting = tracemalloc.get_traced_memory()[1]
        tracemalloc.reset_peak()
        here.import_archive(file)
        importing = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert max(exporting, importing) < 32 * 1024 * 1024, (exporting, importing)


async def test_a_version_goes_from_either_database_to_either(
    service_on: RunningService, origin: RunningService, trained: Path, tmp_path: Path
) -> None:
    def carry() -> None:
        with (
            RegistryClient(origin.url, origin.person) as there,
            RegistryClient(service_on.url, service_on.person) as here,
        ):
            version = there.register("fraud", trained, metadata=Metadata(metrics={"auc": 0.91}, params={"n": 1e20}))
            there.export_version("fraud", version.number, tmp_path / "out.mra")
            first = here.import_archive(tmp_path / "out.mra", promote="staging")
            assert (first.version.digest, first.existed) == (version.digest, False)
            assert here.import_archive(tmp_path / "out.mra").existed
            here.export_version("fraud", 1, tmp_path / "back.mra")
            assert there.import_archive(tmp_path / "back.mra").version.number == version.number
            assert verify_archive(tmp_path / "back.mra", digest=version.digest).history.stages == []

    await asyncio.to_thread(carry)
