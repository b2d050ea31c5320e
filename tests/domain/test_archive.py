from __future__ import annotations

import io
import tarfile
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from registry_service.domain.archive import (
    BLOCK,
    DOCUMENTS,
    ArchivedHistory,
    ArchivedPromotion,
    ArchivedVersion,
    ArchiveFault,
    header,
    layout,
    padded,
    read_documents,
    registration,
    size_in_header,
    write_documents,
)
from registry_service.domain.canonical import canonical
from registry_service.domain.entities import CheckStatus, LineageEdge, LineageKind, ManifestFile
from registry_service.domain.errors import InvalidArchive, TooLarge
from registry_service.domain.lineage import check_lineage
from registry_service.domain.manifest import content_digest, digest_of
from registry_service.domain.metadata import Metadata, Signature
from tests.archived import FILES, RECORD, archive_of, documents_of, entries, history_of, members_of, tar_of, version_of


def fault_of(refused: Callable[[], Any]) -> ArchiveFault:
    with pytest.raises(InvalidArchive) as caught:
        refused()
    fault: ArchiveFault = caught.value.details["fault"]
    return fault


def test_what_an_archive_is_never_changes() -> None:
    # A promise: an archive of this release is read by all later ones, and looks like this.
    assert digest_of(archive_of()) == "sha256:d1c0e1db3f133102f3eb1b13bee9269723ec3e2b0e17d792e4b1cf916e05f342"


def test_other_tools_read_it() -> None:
    with tarfile.open(fileobj=io.BytesIO(archive_of())) as tar:
        found = {member.name: (tar.extractfile(member) or io.BytesIO()).read() for member in tar}
        assert all(member.isreg() and member.mode == 0o644 and member.mtime == 0 for member in tar)
    assert found == dict(members_of(documents_of()))
    sums = found["SHA256SUMS"].decode().splitlines()
    assert sums == [f"{digest_of(data)[7:]}  {name}" for name, data in found.items() if name != "SHA256SUMS"]


@pytest.mark.parametrize("size", [0, 1, 8**11 - 1, 8**11, 2**53])
def test_headers_hold_any_size(size: int) -> None:
    found = tarfile.TarInfo.frombuf(header("blobs/a", size), "ascii", "strict")
    assert (found.name, found.size, found.type) == ("blobs/a", size, tarfile.REGTYPE)


def test_members_stand_one_behind_the_other_on_whole_blocks() -> None:
    plan = layout(documents_of(), entries())
    assert [member.name for member in plan.members[:3]] == list(DOCUMENTS)
    assert len(plan.members) == 3 + 3 + 1
    ends = [0, *(member.end for member in plan.members)]
    assert [member.offset for member in plan.members] == ends[:-1]
    assert all(end % BLOCK == 0 for end in ends)
    assert plan.size == ends[-1] + 2 * BLOCK == len(archive_of())
    assert [padded(size) for size in (0, 1, 512, 513)] == [0, 512, 512, 1024]


def test_the_version_is_written_as_rfc_8785_has_it() -> None:
    version = version_of(
        {"ä/b": b"1", "Z": b"2", "😀": b"3"}, Metadata(extra={"ö": [1.5, None], "big": 1e20}, params={"big": 1e20})
    )
    documents = documents_of(version)
    assert documents[1] == canonical(msgspec.to_builtins(version))
    read = read_documents(documents)
    assert read.version == version
    assert content_digest(read.version.files, read.version.metadata) == version.digest


def test_what_was_written_is_read() -> None:
    archive = read_documents(documents_of())
    assert (archive.record, archive.version, archive.history) == (RECORD, version_of(), history_of())
    assert (archive.blobs, archive.size) == (3, len(archive_of()))


def test_doubles_stay_what_they_are_at_any_depth() -> None:
    metadata = Metadata(
        metrics={"big": 1e20},
        params={"big": -1e20, "text": "1e20", "small": 1},
        signature=Signature(inputs={"const": [1e20, {"x": 1e20}]}),
    )
    version = version_of(metadata=metadata)
    assert read_documents(documents_of(version)).version.metadata == metadata


def with_version(**changes: Any) -> list[bytes]:
    """Documents whose version can't be, digests and all."""
    record, _, history = documents_of()
    given = msgspec.to_builtins(version_of()) | changes
    if "digest" not in changes:
        files = msgspec.convert(given["files"], list[ManifestFile])
        given["digest"] = content_digest(files, msgspec.convert(given["metadata"], Metadata))
    return [record, canonical(given), history]


FILE = msgspec.to_builtins(entries()[0])


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"model_name": "../fraud"}, ArchiveFault.INCONSISTENT),
        ({"number": 0}, ArchiveFault.INCONSISTENT),
        ({"digest": "sha256:x"}, ArchiveFault.INCONSISTENT),
        ({"digest": "sha256:" + "0" * 64}, ArchiveFault.ALTERED),
        ({"files": []}, ArchiveFault.INCONSISTENT),
        ({"files": [FILE | {"path": "/etc/passwd"}]}, ArchiveFault.INCONSISTENT),
        ({"files": [FILE | {"path": "a/../../b"}]}, ArchiveFault.INCONSISTENT),
        ({"files": [FILE, FILE]}, ArchiveFault.INCONSISTENT),
        ({"files": [FILE | {"size": -1}]}, ArchiveFault.INCONSISTENT),
        ({"files": [FILE, FILE | {"path": "z", "size": 1}]}, ArchiveFault.INCONSISTENT),
        ({"files": [FILE | {"path": "z"}, FILE | {"path": "a"}]}, ArchiveFault.ALTERED),
        ({"metadata": {"metrics": {" ": 1}}}, ArchiveFault.INCONSISTENT),
        ({"metadata": {"other": 1}, "digest": "sha256:" + "0" * 64}, ArchiveFault.ALTERED),
        ({"more": 1}, ArchiveFault.ALTERED),
    ],
)
def test_what_can_be_no_version_is_refused(changes: dict[str, Any], fault: ArchiveFault) -> None:
    assert fault_of(lambda: read_documents(with_version(**changes))) is fault


def test_a_number_beyond_all_doubles_is_refused() -> None:
    record, version, history = documents_of()
    version = version.replace(b'"depth":7', b'"depth":1' + b"0" * 320)
    assert fault_of(lambda: read_documents([record, version, history])) is ArchiveFault.INCONSISTENT


@pytest.mark.parametrize(
    "changes",
    [
        {"url": "javascript:alert(1)"},
        {"url": "x" * 1025},
        {"registered_by": ""},
        {"registered_by": "x" * 1025},
        {"tags": {" ": "x"}},
        {"lineage": [LineageEdge(kind=LineageKind.OTHER, ref="a\nb")]},
    ],
)
def test_a_history_that_no_registry_takes_is_refused(changes: dict[str, Any]) -> None:
    documents = documents_of(history=history_of(**changes))
    assert fault_of(lambda: read_documents(documents)) is ArchiveFault.INCONSISTENT


@pytest.mark.parametrize(
    ("record", "fault"),
    [
        (b"{", ArchiveFault.ALTERED),
        (b"[]", ArchiveFault.NOT_AN_ARCHIVE),
        (b'{"format":"other"}', ArchiveFault.NOT_AN_ARCHIVE),
        (b'{"format":"model-registry-archive","format_version":2}', ArchiveFault.UNKNOWN_FORMAT),
        (b'{"format":"model-registry-archive","format_version":1}', ArchiveFault.ALTERED),
    ],
)
def test_other_formats_are_told_apart(record: bytes, fault: ArchiveFault) -> None:
    _, version, history = documents_of()
    assert fault_of(lambda: read_documents([record, version, history])) is fault


def test_each_document_has_one_way_to_be_written() -> None:
    record, version, history = documents_of()
    assert fault_of(lambda: read_documents([record.replace(b":", b": ", 1), version, history])) is ArchiveFault.ALTERED
    twice = version.replace(b'{"digest"', b'{"digest":"x","digest"', 1)
    assert fault_of(lambda: read_documents([record, twice, history])) is ArchiveFault.ALTERED
    unknown = history.replace(b'{"aliases"', b'{"Aliases":[],"aliases"', 1)
    assert fault_of(lambda: read_documents([record, version, unknown])) is ArchiveFault.ALTERED


def test_sizes_of_documents_are_bounded() -> None:
    for name, limit in DOCUMENTS.items():
        assert size_in_header(header(name, limit), name) == limit
        assert fault_of(lambda n=name, size=limit + 1: size_in_header(header(n, size), n)) is ArchiveFault.TOO_LARGE  # type: ignore[misc]
    assert fault_of(lambda: size_in_header(header("version.json", 8**11), "version.json")) is ArchiveFault.UNEXPECTED
    with pytest.raises(TooLarge):
        write_documents(RECORD, version_of(), history_of(description="x" * DOCUMENTS["history.json"]))


def test_other_headers_are_described() -> None:
    def message(block: bytes) -> str:
        with pytest.raises(InvalidArchive) as caught:
            size_in_header(block, "version.json")
        return caught.value.message

    assert "there is '/etc/passwd'" in message(header("/etc/passwd", 1))
    assert "the archive ends" in message(bytes(BLOCK))
    link = bytearray(header("version.json", 1))
    link[156:157] = b"2"
    assert "a link" in message(bytes(link))
    other = header("version.json", 1).replace(b"0000644", b"0000777")
    assert "described otherwise" in message(other)
    assert "\x1b" not in message(header("\x1b[2J", 1))


# ----------------------------------------------------------------------------------------------- what is registered


def imported(version: ArchivedVersion | None = None, **changes: Any) -> Any:
    return registration(read_documents(documents_of(version, history_of(**changes))))


def test_an_import_registers_the_same_content() -> None:
    body = imported()
    assert content_digest(body.files, body.metadata) == version_of().digest
    assert (body.description, body.tags) == ("Trained in March.", {"team": "risk"})
    assert body.identity == f"archive:{version_of().digest}"
    assert body.source_uri == "http://there.test/models/fraud/versions/7"


def test_nothing_that_moves_comes_along() -> None:
    body = imported()
    assert body.aliases == []
    assert body.upload is None
    assert body.people == ["tom"]  # which keeps tom from reviewing, and gives nobody anything


def test_the_lineage_says_where_it_comes_from_and_what_happened_there() -> None:
    origin, commit, parent = imported().lineage
    assert (origin.kind, origin.ref) == (LineageKind.OTHER, "http://there.test/models/fraud/versions/7")
    assert (origin.digest, origin.url) == (version_of().digest, origin.ref)
    assert origin.details == {
        "relation": "imported_from",
        "registry": "http://there.test",
        "model": "fraud",
        "version": "7",
        "registered": "by tom, 2026-03-03 12:00 UTC",
        "exported": "by ada, 2026-03-03 12:00 UTC",
        "history": f"{digest_of(documents_of()[2])}; what it says of checks and promotions counts for nothing here",
        "card": f"{digest_of(b'# Fraud')}; its text is in the archive",
        "check 1": "evaluation: passed by ci, 2026-03-03 12:00 UTC",
        "promotion 1": "to production: APPLIED, requested by tom; approve by vera, 2026-03-03 12:00 UTC",
    }
    assert (commit.kind, commit.ref) == (LineageKind.CODE_COMMIT, "4f1c2d9")
    assert (parent.kind, parent.ref) == (LineageKind.OTHER, "base/3 in http://there.test")
    assert parent.details == {"relation": "parent_version"}


def test_an_edge_that_is_hidden_stays_so() -> None:
    assert len(imported(lineage=[LineageEdge(kind=LineageKind.PARENT_VERSION, ref="", hidden=True)]).lineage) == 1


def test_edges_are_each_once_and_not_too_many() -> None:
    edges = [LineageEdge(kind=LineageKind.DATASET, ref=f"s3://{number}") for number in range(1000)]
    body = imported(lineage=edges)
    assert len(body.lineage) == 1000
    assert body.lineage[0].details["relation"] == "imported_from"
    back = LineageEdge(kind=LineageKind.OTHER, ref=body.lineage[0].ref, details={"relation": "made_up"})
    fewer = imported(lineage=[back, edges[0], edges[0]]).lineage
    assert [edge.ref for edge in fewer] == [edge.ref for edge in body.lineage[:2]]
    assert fewer[0].details["relation"] == "imported_from"


def test_long_names_leave_refs_that_are_kept() -> None:
    url = "http://there.test/" + "x" * 1006
    body = imported(
        url=url,
        registry="http://" + "y" * 1020,
        lineage=[LineageEdge(kind=LineageKind.PARENT_VERSION, ref="base/3")],
    )
    assert [edge.ref for edge in body.lineage] == [url, "base/3"]
    nowhere = imported(url="", lineage=[])
    assert [(edge.ref, edge.url) for edge in nowhere.lineage] == [("fraud/7", None)]


def test_however_much_happened_the_edge_stays_small_and_plain() -> None:
    def many(history: ArchivedHistory) -> dict[str, Any]:
        [check], [promotion] = history.checks, history.promotions
        named = msgspec.structs.replace(check, name="ü\n\x1b\u202e" * 4000, status=CheckStatus.FAILED)
        return {"checks": [named] * 100, "promotions": [msgspec.structs.replace(promotion)] * 100}

    body = imported(**many(history_of()), registry="", card=None)
    check_lineage(body.lineage)
    details = body.lineage[0].details
    assert len(details) == 6 + 40
    assert "registry" not in details
    assert all(len(text.encode()) <= 4096 and text.isprintable() for text in details.values())


def test_promotions_elsewhere_are_told_without_reviews_that_were_withdrawn() -> None:
    [promotion] = history_of().promotions
    bare: ArchivedPromotion = msgspec.structs.replace(promotion, reviews=[])
    assert imported(promotions=[bare]).lineage[0].details["promotion 1"] == ("to production: APPLIED, requested by tom")


def test_the_parts_of_a_hand_made_archive_are_those_of_an_export() -> None:
    assert tar_of(members_of(documents_of())) == archive_of(FILES)
