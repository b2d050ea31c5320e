"""Archives as files: what is off is found, wherever it is."""

from __future__ import annotations

import contextlib
import io
import os
import re
import tarfile
import tracemalloc
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

from registry_service.client import (
    Archive,
    ArchiveFault,
    InvalidArchive,
    InvalidDigest,
    InvalidPath,
    read_archive,
    verify_archive,
)
from registry_service.client.archives import ArchiveFile, contents_of
from registry_service.client.transfer import ProgressReport
from registry_service.domain.archive import BLOCK, header, layout
from registry_service.domain.errors import AlreadyExists
from registry_service.domain.manifest import content_digest, digest_of
from tests.archived import FILES, METADATA, archive_of, documents_of, entries, members_of, tar_of, version_of


def refusal(data: bytes, directory: Path) -> InvalidArchive:
    file = directory / "refused.mra"
    file.write_bytes(data)
    with pytest.raises(InvalidArchive) as caught:
        verify_archive(file)
    return caught.value


def fault(data: bytes, directory: Path) -> ArchiveFault:
    found: ArchiveFault = refusal(data, directory).details["fault"]
    return found


@pytest.fixture
def sound(tmp_path: Path) -> Path:
    file = tmp_path / "sound.mra"
    file.write_bytes(archive_of())
    return file


def test_a_sound_archive_says_what_is_in_it(sound: Path) -> None:
    told: list[tuple[str, int, int]] = []
    archive = verify_archive(sound, progress=lambda *what: told.append(what))
    assert archive.version == version_of()
    assert archive == read_archive(str(sound))
    assert {path for path, done, total in told if done == total} == {"card.md", "empty", "weights"}
    assert isinstance(msgspec.json.decode(msgspec.json.encode(archive), type=Archive), Archive)


@pytest.mark.slow
def test_every_byte_counts(tmp_path: Path) -> None:
    data = archive_of({"a": b"ab", "b": b""})
    file = tmp_path / "flipped.mra"
    file.write_bytes(data)
    survived = []
    with file.open("r+b", buffering=0) as handle:
        for at, byte in enumerate(data):
            os.pwrite(handle.fileno(), bytes([byte ^ (1 << at % 8)]), at)
            with contextlib.suppress(InvalidArchive):
                verify_archive(file)
                survived.append(at)
            os.pwrite(handle.fileno(), bytes([byte]), at)
    verify_archive(file)
    assert survived == []


def test_every_length_but_the_right_one_is_refused(tmp_path: Path) -> None:
    data = archive_of({"a": b"ab"})
    faults = {fault(data[:length], tmp_path) for length in range(0, len(data), 61)}
    assert faults == {ArchiveFault.NOT_AN_ARCHIVE, ArchiveFault.TRUNCATED}
    assert fault(data[:-1], tmp_path) is ArchiveFault.TRUNCATED
    assert fault(data + b"\0", tmp_path) is ArchiveFault.TRAILING
    assert fault(data + archive_of(), tmp_path) is ArchiveFault.TRAILING


@pytest.mark.parametrize(
    ("name", "before", "after"),
    [
        ("archive.json", b"ada", b"eve"),
        ("version.json", b"fraud", b"freud"),
        ("history.json", b"vera", b"eve"),
        ("SHA256SUMS", b"  history", b"\t history"),
    ],
)
def test_messages_name_the_document_that_was_altered(name: str, before: bytes, after: bytes, tmp_path: Path) -> None:
    members = members_of(documents_of())
    changed = [(found, data.replace(before, after) if found == name else data) for found, data in members]
    assert changed != members
    error = refusal(tar_of(changed), tmp_path)
    assert error.details["fault"] is ArchiveFault.ALTERED
    assert error.details["member"] == name.replace("SHA256SUMS", "history.json")
    assert "Export it anew" in error.message


def test_messages_name_the_content_that_was_altered(tmp_path: Path) -> None:
    data = archive_of()
    error = refusal(data.replace(b"w" * 700, b"w" * 699 + b"v"), tmp_path)
    assert (error.details["fault"], error.details["member"]) == (
        ArchiveFault.ALTERED,
        f"blobs/{digest_of(FILES['weights'])[7:]}",
    )


def test_members_that_dont_belong_there_are_refused(tmp_path: Path) -> None:
    members = members_of(documents_of())
    more = ("more", b"")
    variants: list[Sequence[tuple[str, bytes]]] = [
        [*members, more],
        [more, *members],
        [*members[:4], more, *members[4:]],
        [*members[:4], members[3], *members[4:]],
        [*members[:3], *members[4:]],
        [*members[:-1]],
        [members[1], members[0], *members[2:]],
        [*members[:3], members[4], members[3], *members[5:]],
        [*members[:3], ("/etc/passwd", b"x"), *members[3:]],
        [*members[:3], ("../../escaped", b"x"), *members[3:]],
    ]
    for variant in variants:
        found = fault(tar_of(variant), tmp_path)
        assert found in {
            ArchiveFault.UNEXPECTED,
            ArchiveFault.NOT_AN_ARCHIVE,
            ArchiveFault.TRUNCATED,
            ArchiveFault.TRAILING,
        }, variant
    assert sorted(path.name for path in tmp_path.iterdir()) == ["refused.mra"]


@pytest.mark.parametrize(
    "kind",
    [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE, tarfile.GNUTYPE_SPARSE],
)
def test_links_and_devices_are_refused(kind: bytes, tmp_path: Path) -> None:
    plan = layout(documents_of(), entries())
    data = bytearray(archive_of())
    for member in plan.members:
        info = tarfile.TarInfo(member.name)
        info.type, info.linkname, info.size = kind, "/etc/passwd", member.size
        block = info.tobuf(tarfile.USTAR_FORMAT)
        changed = bytes(data[: member.offset]) + block + bytes(data[member.offset + BLOCK :])
        assert fault(changed, tmp_path) in {ArchiveFault.UNEXPECTED, ArchiveFault.NOT_AN_ARCHIVE}


def test_the_same_contents_written_by_another_tool_are_another_file(tmp_path: Path) -> None:
    for kind in (tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT):
        written = io.BytesIO()
        with tarfile.open(fileobj=written, mode="w", format=kind) as tar:
            for name, data in members_of(documents_of()):
                info = tarfile.TarInfo(name)
                info.size = len(data)
                if kind == tarfile.PAX_FORMAT:
                    info.pax_headers = {"path": "/etc/passwd"}
                tar.addfile(info, io.BytesIO(data))
        assert fault(written.getvalue(), tmp_path)


def test_padding_hides_nothing(tmp_path: Path) -> None:
    data = archive_of()
    plan = layout(documents_of(), entries())
    for member in plan.members:
        if member.start + member.size < member.end:
            hidden = data[: member.end - 1] + b"x" + data[member.end :]
            assert fault(hidden, tmp_path) is ArchiveFault.UNEXPECTED
    assert fault(data[:-1] + b"x", tmp_path) is ArchiveFault.UNEXPECTED


def test_a_file_that_says_it_is_huge_costs_nothing(tmp_path: Path) -> None:
    listed = [msgspec.structs.replace(entries()[0], size=2**53 - 1)]
    version = version_of(files={}, digest=content_digest(listed, METADATA))
    documents = documents_of(msgspec.structs.replace(version, files=listed))
    claimed = b"".join(
        header(name, len(data)) + data + bytes(-len(data) % BLOCK)
        for name, data in zip(["archive.json", "version.json", "history.json"], documents, strict=True)
    )
    tracemalloc.start()
    try:
        assert fault(claimed + header("blobs/" + listed[0].digest[7:], 2**53 - 1), tmp_path) is ArchiveFault.TRUNCATED
        # A document that claims more than it may is not even read.
        assert (
            fault(
                claimed.replace(header("version.json", len(documents[1])), header("version.json", 2**33 - 1)), tmp_path
            )
            is ArchiveFault.TOO_LARGE
        )
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()


def test_a_sparse_file_of_zeros_is_no_archive(tmp_path: Path) -> None:
    file = tmp_path / "zeros"
    with file.open("wb") as handle:
        handle.truncate(2**40)
    with pytest.raises(InvalidArchive):
        verify_archive(file)


@pytest.mark.parametrize(
    "data", [b"", b"b", b"PK\x03\x04", b"\x1f\x8b" + bytes(600), b"archive.json is what I am" * 40]
)
def test_anything_else_is_no_archive(data: bytes, tmp_path: Path) -> None:
    assert fault(data, tmp_path) is ArchiveFault.NOT_AN_ARCHIVE


def test_what_is_no_file_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "pipe"):
        with pytest.raises(InvalidPath):
            verify_archive(path)
    with pytest.raises(FileNotFoundError):
        verify_archive(tmp_path / "nothing")


def test_a_digest_known_from_elsewhere_is_held_against_it(sound: Path) -> None:
    assert verify_archive(sound, digest=version_of().digest).version == version_of()
    with pytest.raises(InvalidArchive) as caught:
        verify_archive(sound, digest="sha256:" + "0" * 64)
    assert caught.value.details["fault"] is ArchiveFault.OTHER_CONTENT
    with pytest.raises(InvalidDigest):
        verify_archive(sound, digest="latest")


def test_verifying_takes_no_more_memory_than_a_piece_or_two(tmp_path: Path) -> None:
    file = tmp_path / "large.mra"
    file.write_bytes(archive_of({"weights": bytes(64 * 1024 * 1024)}))
    tracemalloc.start()
    try:
        verify_archive(file)
        assert tracemalloc.get_traced_memory()[1] < 4 * 1024 * 1024
    finally:
        tracemalloc.stop()


def test_contents_are_sent_from_where_they_stand(sound: Path) -> None:
    contents = contents_of(sound, verify_archive(sound), ProgressReport(None))
    assert {digest: b"".join(content.pieces()) for digest, content in contents.items()} == {
        digest_of(data): data for data in FILES.values()
    }
    weights = contents[digest_of(FILES["weights"])]
    assert weights.path == "weights"
    assert b"".join(weights.part(600, 500).pieces()) == b"w" * 100
    assert b"".join(weights.part(10, 20).reported_by(lambda *_: None).pieces()) == b"w" * 20


# ---------------------------------------------------------------------------------------------------- writing one


def written(path: Path, **options: Any) -> ArchiveFile:
    return ArchiveFile(path, documents_of(), entries(), **({"overwrite": False} | options))


def fill(file: ArchiveFile) -> None:
    for member in file.layout.members[3:-1]:
        file.put(member.start, next(data for data in FILES.values() if digest_of(data) == member.digest))


def test_what_is_written_is_what_is_read(tmp_path: Path) -> None:
    file = written(tmp_path / "fraud-7.mra")
    assert [path.name for path in tmp_path.iterdir() if re.fullmatch(r"\.\w+\.part", path.name)] != []
    assert not (tmp_path / "fraud-7.mra").exists()
    fill(file)
    file.finish()
    file.discard()
    assert [path.name for path in tmp_path.iterdir()] == ["fraud-7.mra"]
    assert (tmp_path / "fraud-7.mra").read_bytes() == archive_of()


def test_what_is_given_up_leaves_nothing_behind(tmp_path: Path) -> None:
    file = written(tmp_path / "fraud-7.mra")
    file.discard()
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(ValueError, match="closed"):
        file.put(0, b"late")
    with pytest.raises(ValueError, match="closed"):
        file.finish()


def test_a_file_that_is_there_is_replaced_only_where_that_is_meant(tmp_path: Path) -> None:
    target = tmp_path / "fraud-7.mra"
    target.write_bytes(b"something dear")
    with pytest.raises(AlreadyExists):
        written(target)
    assert target.read_bytes() == b"something dear"
    file = written(target, overwrite=True)
    assert target.read_bytes() == b"something dear"
    fill(file)
    file.finish()
    assert target.read_bytes() == archive_of()


@pytest.mark.parametrize("place", ["", "missing/fraud.mra"])
def test_an_archive_needs_a_place(place: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidPath):
        written(tmp_path / place)
    assert list(tmp_path.iterdir()) == []
