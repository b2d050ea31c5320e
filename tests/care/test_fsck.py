"""Every check is silent on a registry that has lived, and speaks of its fault."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from registry_service.care.checks import CHECKS
from registry_service.care.findings import Finding, Look
from registry_service.care.fsck import check_registry
from registry_service.domain.errors import DatabaseUnavailable
from registry_service.domain.manifest import digest_of
from registry_service.storage.filesystem import FilesystemStore
from tests.care.lived import live, sizes
from tests.services.world import World, _in_chunks

OTHER = digest_of(b"other")
FRAUD = "(SELECT id FROM models WHERE name = 'fraud')"

# What must be found, and the statements that bring it about.
FAULTS: dict[str, list[str]] = {
    "log_unnamed": ["DELETE FROM registry WHERE key = 'epoch'"],
    "model_name": [f"UPDATE models SET name = 'other' WHERE id = {FRAUD}"],
    "former_name": ["UPDATE model_former_names SET name = 'fraud', name_fold = 'fraud'"],
    "version_numbers": [f"UPDATE models SET last_number = 9 WHERE id = {FRAUD}"],
    "content_digest": [
        'UPDATE versions SET metadata = \'{"metrics":{"auc":0.99}}\' WHERE number = 1',
        "UPDATE version_files SET path = 'other.bin' WHERE number = 1",
        f"UPDATE version_files SET digest = '{OTHER}' WHERE number = 2",
        "DELETE FROM version_files WHERE number = 1",
        "UPDATE versions SET file_count = 2 WHERE number = 1",
        "UPDATE versions SET metadata = '{\"metrics\":7}' WHERE number = 1",
    ],
    "revoked_content": [
        "UPDATE versions SET digest = (SELECT digest FROM versions WHERE number = 1) WHERE number = 2",
    ],
    "deleted_used": [
        "UPDATE versions SET deleted_at = 1, deleted_by = 'ada', deleted_reason = 'x' WHERE number = 1",
    ],
    "kept_bytes": [
        "UPDATE versions SET let_go_at = 1 WHERE number = 2",
        "UPDATE version_files SET kept = false WHERE number = 2",
        "UPDATE check_attachments SET kept = false",
    ],
    "version_log": [
        "DELETE FROM events WHERE kind = 'version.registered' AND subject = '1'",
        f"UPDATE versions SET digest = '{OTHER}' WHERE number = 1",
        "UPDATE events SET data = REPLACE(data, '\"version\":4', '\"version\":5') WHERE kind = 'version.registered'",
    ],
    "digest_of_another": [f"UPDATE checks SET digest = '{OTHER}'", f"UPDATE deployments SET digest = '{OTHER}'"],
    "alias_target": ["UPDATE aliases SET number = 77 WHERE name = 'champion'"],
    "alias_name": ["UPDATE aliases SET name = 'Production' WHERE name = 'champion'"],
    "alias_log": [
        "UPDATE aliases SET number = 2 WHERE name = 'champion'",
        "DELETE FROM aliases WHERE name = 'champion'",
        "DELETE FROM events WHERE kind = 'alias.removed'",
    ],
    "card_digest": [
        "UPDATE model_cards SET text = text || ' '",
        f"UPDATE model_cards SET digest = '{OTHER}'",
        "UPDATE model_cards SET size = size + 1",
    ],
    "card_log": [
        f"UPDATE model_cards SET digest = '{OTHER}'",
        "DELETE FROM model_cards",
        "UPDATE events SET kind = 'model.updated' WHERE kind = 'model.card_written'",
    ],
    "card_standing": [
        f"UPDATE models SET card_revision = NULL WHERE id = {FRAUD}",
        f"UPDATE models SET card_revision = (SELECT MIN(revision) FROM model_cards) WHERE id = {FRAUD}",
        "UPDATE versions SET card_revision = 1 WHERE card_revision IS NOT NULL",
        "UPDATE promotions SET card_revision = 1 WHERE card_revision IS NOT NULL",
    ],
    "text_search": ["DELETE FROM texts WHERE number = 0", "UPDATE texts SET description = 'other' WHERE number = 0"],
    "bytes_unknown": [
        f"UPDATE version_files SET digest = '{OTHER}' WHERE number = 1",
        f"UPDATE check_attachments SET digest = '{OTHER}'",
        "UPDATE check_attachments SET size = size + 1",
        "UPDATE blobs SET size = size + 1",
        f"UPDATE upload_files SET digest = '{OTHER}'",
    ],
    "artifact_damaged": [
        "UPDATE blobs SET damaged_at = 1",
        "UPDATE blobs SET damaged_at = 1 WHERE digest = (SELECT digest FROM check_attachments)",
    ],
    "condemned_needed": [
        "UPDATE blobs SET condemned_at = 1",
        "UPDATE blobs SET condemned_at = 1 WHERE digest = (SELECT digest FROM check_attachments)",
    ],
    "bytes_gone": [f"INSERT INTO blobs (digest, size, created_at) VALUES ('{OTHER}', 5, 0)"],
    "upload_bytes": [
        f"UPDATE upload_files SET digest = '{OTHER}' WHERE (SELECT closed_at FROM uploads WHERE id = upload_id) IS NULL"
    ],
    "upload_times": ["UPDATE upload_files SET received_at = 1"],
    "stage_current": [
        "UPDATE stages SET number = 2 WHERE name = 'production'",
        "UPDATE stages SET promotion_id = 'nobody' WHERE name = 'production'",
        "UPDATE stages SET number = 3 WHERE name = 'staging'",
    ],
    "stage_chain": [
        "UPDATE stage_history SET previous = 3 WHERE number = 2 AND stage = 'production'",
        "DELETE FROM stage_history WHERE number = 2 AND stage = 'production'",
    ],
    "stage_digest": [f"UPDATE stage_history SET digest = '{OTHER}' WHERE number = 2"],
    "stage_promotion": [
        "UPDATE promotions SET phase = 'FAILED' WHERE phase = 'APPLIED' AND number = 2",
        "UPDATE promotions SET phase = 'APPLIED' WHERE phase = 'REJECTED'",
        "UPDATE stage_history SET promotion_id = NULL WHERE number = 2",
        "UPDATE stage_history SET number = 3 WHERE number IS NULL",
    ],
    "stage_replay": [
        "UPDATE stages SET number = 2 WHERE name = 'production'",
        "DELETE FROM events WHERE kind = 'stage.vacated'",
        "UPDATE events SET subject = 'nowhere' WHERE kind = 'stage.vacated'",
    ],
    "stage_history_log": [
        "UPDATE stage_history SET change = 'promoted' WHERE change = 'rolled_back'",
        "DELETE FROM stage_history WHERE stage = 'production'",
    ],
    "promotion_lease": [
        "UPDATE promotions SET lease_holder = NULL WHERE phase = 'APPLYING'",
        "UPDATE promotions SET lease_expires_at = 1 WHERE phase = 'REJECTED'",
    ],
    "promotion_phase": [
        "UPDATE promotions SET phase = 'APPROVED' WHERE phase = 'APPLYING'",
        "DELETE FROM events WHERE kind = 'promotion.applied'",
        "UPDATE events SET subject = 'nobody' WHERE kind = 'promotion.rejected'",
    ],
    "promotion_end": [
        "UPDATE promotions SET closed_at = NULL WHERE phase = 'REJECTED'",
        "UPDATE promotions SET applied_by = 'ada' WHERE phase = 'REJECTED'",
        "UPDATE promotions SET approved_at = NULL WHERE phase = 'APPLIED'",
    ],
    "promotion_digest": [f"UPDATE promotions SET digest = '{OTHER}' WHERE phase = 'REJECTED'"],
    "review_digest": [f"UPDATE reviews SET digest = '{OTHER}'"],
    "policy_pin": ["DELETE FROM policies WHERE name = 'team'"],
    "event_number": ["DELETE FROM events WHERE seq = 5", "UPDATE events SET seq = seq + 1000 WHERE seq > 9"],
    "event_revision": [
        f"UPDATE models SET revision = revision + 1 WHERE id = {FRAUD}",
        "UPDATE events SET revision = revision + 1 WHERE kind = 'stage.vacated'",
        "UPDATE events SET model_id = 'nobody' WHERE kind = 'stage.vacated'",
    ],
    "event_kind": ["UPDATE events SET kind = 'stage.danced' WHERE kind = 'stage.vacated'"],
    "consumer_cursor": [
        "UPDATE consumers SET cursor = (SELECT value FROM registry WHERE key = 'epoch') || '-99999'",
        "UPDATE consumers SET cursor = 'nowhere'",
    ],
    "principal_missing": [
        "UPDATE tokens SET principal = 'nobody' WHERE principal = 'carl'",
        "UPDATE group_members SET principal = 'nobody'",
        "UPDATE principal_owners SET owner = 'nobody'",
        f"UPDATE model_owners SET owner = 'nobody' WHERE model_id = {FRAUD}",
        "UPDATE grants SET principal = 'nobody' WHERE principal = 'carl'",
    ],
    "model_owner": [f"DELETE FROM model_owners WHERE model_id = {FRAUD}"],
    "grant": ["UPDATE grants SET group_name = NULL", "UPDATE grants SET role = 'king' WHERE principal = 'carl'"],
    "token": ["UPDATE tokens SET secret_hash = ''", "UPDATE tokens SET expires_at = created_at"],
    "idempotency": [
        "UPDATE idempotency_answers SET fingerprint = 'x'",
        "UPDATE idempotency_answers SET body = '{'",
        "UPDATE idempotency_answers SET authorized = '[[\"model:dance\",null]]'",
    ],
    "reference_broken": ["DELETE FROM principals WHERE name = 'carl'"],
}
# Shown in tests of their own below.
ELSEWHERE = {"bytes_missing", "bytes_altered", "bytes_without_row", "database_damaged"}


class Undo(Exception):
    """The planted fault is taken back."""


async def found_after(world: World, statements: list[str], look: Callable[[Connection], Look]) -> list[Finding]:
    found: list[Finding] = []

    def plant(connection: Connection) -> None:
        postgres = connection.dialect.name == "postgresql"
        # References are checked at the end, which never comes.
        off = "SET LOCAL session_replication_role = replica" if postgres else "PRAGMA defer_foreign_keys = ON"
        connection.execute(text(off))
        for statement in statements:
            assert connection.execute(text(statement.replace(":", r"\:"))).rowcount > 0, statement
        for check in CHECKS:
            found.extend(check.run(look(connection)))
        raise Undo

    with pytest.raises(Undo):
        await world.registry.database.write(plant)
    return found


def test_each_check_has_a_code_a_sentence_and_a_fault() -> None:
    codes = [check.code for check in CHECKS]
    assert len(set(codes)) == len(codes) > 30
    assert set(codes) == FAULTS.keys() | ELSEWHERE
    for check in CHECKS:
        assert check.sentence[0].isupper() and check.sentence.endswith("."), check.code


async def test_a_registry_that_has_lived_is_sound(world: World, database_url: str) -> None:
    await live(world)

    report = await check_registry(database_url, world.store, deep=True)

    assert (report.faults, report.notes, report.sound) == ([], [], True)
    assert report.checks == len(CHECKS)
    assert report.artifacts == 6
    assert report.bytes_read == report.bytes > 0


async def test_every_check_speaks_of_its_fault(world: World) -> None:
    await live(world)
    stored = await sizes(world)

    silent = []
    for code, statements in FAULTS.items():
        if code == "reference_broken" and world.registry.database.dialect == "postgresql":
            continue  # PostgreSQL lets none in
        for statement in statements:
            found = await found_after(world, [statement], lambda connection: Look(connection, stored))
            if code not in {finding.code for finding in found}:
                silent.append((code, statement))
    assert silent == []


async def test_bytes_that_are_missing_cut_or_changed_are_found(world: World, database_url: str, tmp_path: Path) -> None:
    for content in (b"one", b"two", b"three", b"four"):
        await world.store.receive("x", _in_chunks(content), expected=digest_of(content), size=len(content))
    await world.registered(0)
    for content in (b"one", b"two", b"three"):
        await world.register(content=content)
    blobs = {content: path_of(tmp_path, content) for content in (b"one", b"two", b"three")}
    blobs[b"one"].unlink()
    blobs[b"two"].write_bytes(b"tw")
    blobs[b"three"].write_bytes(b"thrEe")

    shallow = await check_registry(database_url, world.store)
    deep = await check_registry(database_url, world.store, deep=True)

    assert not shallow.sound
    assert {(f.code, f.digest) for f in shallow.faults} == {
        (code, digest_of(content)) for code in ("bytes_missing", "bytes_gone") for content in (b"one", b"two")
    }
    assert [(note.code, note.digest) for note in shallow.notes] == [("bytes_without_row", digest_of(b"four"))]
    altered = [finding for finding in deep.faults if finding.code == "bytes_altered"]
    assert {finding.digest for finding in altered} == {digest_of(b"two"), digest_of(b"three")}
    assert "version 3 of fraud" in altered[1].message


async def test_what_arrives_during_the_check_is_not_missed(world: World, database_url: str) -> None:
    await world.registered(1)

    class Late(FilesystemStore):
        async def digests(self, after: str | None = None) -> AsyncIterator[str]:
            for digest in [digest async for digest in super().digests(after)]:
                yield digest
            await world.register()

    late = Late(world.store._tree._root)
    report = await check_registry(database_url, late)
    await late.close()

    assert report.sound and report.artifacts == 1


async def test_a_damaged_database_file_is_found(world: World, database_url: str, dialect: str) -> None:
    if dialect == "postgresql":
        pytest.skip("a matter of SQLite's file")
    await live(world)
    await world.registry.database.stop()
    damage_an_index(Path(database_url.removeprefix("sqlite:///")))

    report = await check_registry(database_url, world.store)

    assert "database_damaged" in {finding.code for finding in report.faults}
    await world.registry.database.start()


async def test_a_database_without_a_registry_is_refused(empty_database_url: str, tmp_path: Path) -> None:
    store = FilesystemStore(tmp_path / "artifacts")
    with pytest.raises(DatabaseUnavailable, match="no registry"):
        await check_registry(empty_database_url, store)
    await store.close()
    assert not (tmp_path / "home" / "registry.db").exists()


def path_of(directory: Path, content: bytes) -> Path:
    digest = digest_of(content).removeprefix("sha256:")
    return directory / "artifacts" / "blobs" / "sha256" / digest[:2] / digest


def damage_an_index(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    [(root,)] = connection.execute(
        "SELECT rootpage FROM sqlite_schema WHERE name = 'ix_versions_digest_model_id_number'"
    ).fetchall()
    [(page_size,)] = connection.execute("PRAGMA page_size").fetchall()
    connection.close()
    content = bytearray(path.read_bytes())
    # The end of an index's page, where its entries stand.
    content[root * page_size - 40 : root * page_size] = b"x" * 40
    path.write_bytes(content)
