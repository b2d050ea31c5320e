from __future__ import annotations

import math
import random
from collections.abc import Sequence
from typing import Any

import msgspec
import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from registry_service.domain.entities import ManifestFile
from registry_service.domain.errors import InvalidDigest, InvalidManifest, InvalidMetadata, InvalidPath, TooLarge
from registry_service.domain.manifest import (
    MAX_FILES,
    check_digest,
    check_manifest,
    content_digest,
    digest_of,
    manifest_digest,
)
from registry_service.domain.metadata import Direction, Metadata, Signature
from registry_service.domain.names import check_path
from registry_service.domain.requests import NewManifestFile

A, B = "sha256:" + "a" * 64, "sha256:" + "b" * 64
MODEL = NewManifestFile(path="model.onnx", digest=A, size=3)
RICH_FILES = [
    NewManifestFile(path="weights/größe.bin", digest=A, size=2**53 - 1),
    NewManifestFile(path="Config.json", digest=B, size=0, media_type="application/json"),
]
RICH = Metadata(
    metrics={"loss": 1e-7, "n": 3, "auc": 0.91},
    directions={"loss": Direction.LOWER_IS_BETTER},
    params={"opt": "adam", "lr": 0.001, "int": 7, "bool": True},
    signature=Signature(inputs={"type": "object"}),
    framework="pytorch",
    score=1.0,
    labels=("cat", "dog"),
    extra={"z": 1e21, "a": [1, None, True, {"é": '"\x01\n'}]},
)


def files(*paths: str) -> list[NewManifestFile]:
    return [NewManifestFile(path=path, digest=A, size=1) for path in paths]


@pytest.mark.parametrize(
    ("manifest", "metadata", "digest"),
    [
        ([], Metadata(), "sha256:29fee77157a4624cf59410f98e2a2a6a7ca507bcea88662f8e70efeec55c2052"),
        ([MODEL], Metadata(), "sha256:20fab30ed8d468f1f1732d410f501a2f422b938f3f924d6a442e4b5285dcde00"),
        (RICH_FILES, RICH, "sha256:eed4714b9b2a8120602615cbbde151062693fc9c7a82642792eef27a0a6539a7"),
    ],
)
def test_content_digests_never_change(manifest: Sequence[NewManifestFile], metadata: Metadata, digest: str) -> None:
    """Literal on purpose: people approved these digests, endpoints report them. A change here breaks that promise."""
    assert content_digest(manifest, metadata) == digest


def test_manifest_digests_never_change() -> None:
    assert manifest_digest([]) == "sha256:4f53cda18c2baa0c0354bb5f9a3ecbe5ed12ab4d8e11ba873c2f11161202b945"
    assert manifest_digest([MODEL]) == digest_of(
        b'[{"digest":"%b","media_type":"application/octet-stream","path":"model.onnx","size":3}]' % A.encode()
    )


def test_the_digest_of_bytes_is_their_sha_256() -> None:
    assert digest_of(b"") == "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


@given(
    st.lists(
        st.builds(
            ManifestFile,
            path=st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1),
            digest=st.just(A),
            size=st.integers(0, 2**53 - 1),
            media_type=st.sampled_from(["application/octet-stream", "text/plain; charset=utf-8"]),
        ),
        unique_by=lambda file: file.path,
    )
)
def test_the_fast_encoding_of_files_is_that_of_the_rfc(manifest: list[ManifestFile]) -> None:
    plain = msgspec.to_builtins(sorted(manifest, key=lambda file: file.path))
    assert manifest_digest(manifest) == digest_of(rfc8785.dumps(plain))
    whole = {"metadata": msgspec.to_builtins(RICH), "manifest": plain}
    assert content_digest(manifest, RICH) == digest_of(rfc8785.dumps(whole))


def test_the_order_of_files_and_keys_makes_no_difference() -> None:
    shuffled = list(RICH_FILES)
    random.Random(1).shuffle(shuffled)
    backwards = msgspec.structs.replace(RICH, params=dict(reversed(RICH.params.items())))
    assert content_digest(shuffled, backwards) == content_digest(RICH_FILES, RICH)


def test_what_has_its_default_value_is_no_part_of_the_digest() -> None:
    explicit = Metadata(metrics={}, directions={}, params={}, signature=None, framework=None, labels=(), extra={})
    assert content_digest([MODEL], explicit) == content_digest([MODEL], Metadata())


@pytest.mark.parametrize(
    "other",
    [
        Metadata(metrics={"auc": 0.9}),
        Metadata(metrics={"auc": 0.90000001}),
        Metadata(params={"auc": 0.9}),
        Metadata(params={"auc": "0.9"}),
        Metadata(framework="sklearn"),
    ],
)
def test_other_content_has_another_digest(other: Metadata) -> None:
    assert content_digest([MODEL], other) != content_digest([MODEL], Metadata())


def test_each_part_of_a_file_counts() -> None:
    changed: list[dict[str, Any]] = [
        {"path": "model.onn"},
        {"digest": B},
        {"size": 4},
        {"media_type": "application/onnx"},
    ]
    digests = {content_digest([msgspec.structs.replace(MODEL, **change)], Metadata()) for change in changed}
    assert len(digests | {content_digest([MODEL], Metadata())}) == 5


def test_metadata_without_canonical_form_has_no_digest() -> None:
    with pytest.raises(InvalidMetadata, match=r"^metrics\.auc is nan"):
        content_digest([MODEL], Metadata(metrics={"auc": math.nan}))
    with pytest.raises(InvalidMetadata, match=r"^params\.seed is 9007199254740992"):
        content_digest([MODEL], Metadata(params={"seed": 2**53}))


def test_a_digest_is_sha_256_in_lower_case() -> None:
    assert check_digest(A) == A


@pytest.mark.parametrize(
    "digest",
    [
        "",
        "a" * 64,
        "sha256:" + "A" * 64,
        "sha256:" + "a" * 63,
        "sha256:" + "a" * 65,
        "md5:" + "a" * 32,
        "SHA256:" + "a" * 64,
        A + "\n",
        "sha256:../" + "a" * 61,
        "sha1:" + "a" * 40,
        "sha256:\ud800",
    ],
)
def test_no_other_digest_is_one(digest: str) -> None:
    with pytest.raises(InvalidDigest, match="64 hexadecimal digits") as refusal:
        check_digest(digest)
    refusal.value.details["digest"].encode()


def test_files_may_stand_side_by_side_in_any_order() -> None:
    check_manifest([])
    check_manifest(files("b/c", "a", "b/d", "bc", "b.c", "größe/x"))
    check_manifest([*RICH_FILES, NewManifestFile(path="x", digest=A, size=0, media_type="text/plain; charset=utf-8")])


@pytest.mark.parametrize(
    ("paths", "why"),
    [
        (("a", "b", "a"), "stands twice"),
        (("README.md", "readme.MD"), "ignore case"),
        (("straße", "STRASSE"), "ignore case"),
        (("a", "a/b"), "'a' is a file, and a directory in 'a/b'"),
        (("a/b/c/d", "A/b"), "'A/b' is a file, and a directory in 'a/b/c/d'"),
    ],
)
def test_paths_that_can_not_stand_together_are_refused(paths: tuple[str, ...], why: str) -> None:
    with pytest.raises(InvalidManifest, match=why):
        check_manifest(files(*paths))
    with pytest.raises(InvalidManifest):
        check_manifest(files(*paths[::-1]))


def test_equal_paths_are_found_whether_or_not_they_are_one_object() -> None:
    with pytest.raises(InvalidManifest, match="stands twice"):
        check_manifest([MODEL, MODEL])


def test_each_file_is_checked() -> None:
    with pytest.raises(InvalidPath):
        check_manifest(files("../../x"))
    with pytest.raises(InvalidDigest):
        check_manifest([msgspec.structs.replace(MODEL, digest="sha256:x")])
    for size in (-1, 2**53):
        with pytest.raises(InvalidManifest, match="A size is 0"):
            check_manifest([msgspec.structs.replace(MODEL, size=size)])
    for media_type in ("", "text", "text/", "text/html\r\nx: y", "text/plain; ü", "a/" + "b" * 255):
        with pytest.raises(InvalidManifest, match="media type"):
            check_manifest([msgspec.structs.replace(MODEL, media_type=media_type)])


def test_a_version_has_at_most_a_hundred_thousand_files() -> None:
    with pytest.raises(TooLarge, match="100001 files"):
        check_manifest([MODEL] * (MAX_FILES + 1))


@given(st.lists(st.text("aA/.", min_size=1, max_size=5), max_size=6))
def test_a_manifest_that_passes_can_be_written_where_case_is_ignored(paths: list[str]) -> None:
    try:
        for path in paths:
            check_path(path)
        check_manifest(files(*paths))
    except (InvalidPath, InvalidManifest):
        return
    written: set[str] = set()
    for path in paths:
        parts = path.lower().split("/")
        assert path.lower() not in written
        assert not any(other.startswith(f"{path.lower()}/") for other in written)
        assert not any("/".join(parts[:end]) in written for end in range(1, len(parts)))
        written.add(path.lower())
