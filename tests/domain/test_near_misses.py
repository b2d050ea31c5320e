"""What is nearly a selector, a token, a path or a policy: it is one by its rule, written here a second time, or it is
refused in the registry's words. No other exception, and no other meaning."""

from __future__ import annotations

import json
import ntpath
import posixpath
import string
import unicodedata
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry_service.domain.errors import (
    InvalidManifest,
    InvalidPath,
    InvalidPolicy,
    InvalidSelector,
    NotAuthenticated,
)
from registry_service.domain.manifest import check_manifest
from registry_service.domain.names import check_path
from registry_service.domain.policies import (
    BUILT_IN,
    PolicyDocument,
    Prerequisite,
    RequiredCheck,
    RequiredCondition,
    ReviewRule,
    RollbackRule,
)
from registry_service.domain.policy_check import check_policy
from registry_service.domain.requests import NewManifestFile
from registry_service.domain.selectors import parse_selector
from registry_service.domain.strictness import RepeatedName, decode_strictly
from registry_service.domain.tokens import ENTROPY_BYTES, TokenKind, new_token, parse_token
from tests.mutations import REPEATED, near_misses, nearly, nearly_document

DIGEST = "sha256:" + "0123456789abcdef" * 4
WORD = set(string.ascii_letters + string.digits)
SELECTORS = ("7", "2147483647", "latest", "@champion", "@v7.1", "@production", DIGEST)


def is_selector(text: str) -> bool:
    if text.startswith("@"):
        name = text[1:]
        number = name[1:] if name[:1] in {"v", "V"} else name
        reads_as_version = name.lower() == "latest" or (number != "" and set(number) <= set(string.digits))
        return name[:1] in WORD and set(name) <= WORD | set("._-") and 0 < len(name) <= 64 and not reads_as_version
    if text.startswith("sha256:"):
        return len(text) == 71 and set(text[7:]) <= set("0123456789abcdef")
    return text == "latest" or (set(text) <= set(string.digits) and text[:1] != "0" and 0 < int(text or 0) < 2**31)


def check_selector(text: str) -> None:
    if is_selector(text):
        assert str(parse_selector(text)) == text
    else:
        with pytest.raises(InvalidSelector):
            parse_selector(text)


def test_a_selector_is_one_by_its_rule_and_is_written_as_it_was_read() -> None:
    for text in near_misses(*SELECTORS):
        check_selector(text)


@given(nearly(st.sampled_from(SELECTORS)) | st.text())
def test_any_text_is_a_selector_by_the_same_rule(text: str) -> None:
    check_selector(text)


TOKENS = st.builds(
    lambda kind, entropy: new_token(kind, entropy).text,
    st.sampled_from(TokenKind),
    st.binary(min_size=ENTROPY_BYTES, max_size=ENTROPY_BYTES),
)


@given(TOKENS.flatmap(lambda token: st.tuples(st.just(token), nearly(st.just(token)))))
def test_a_token_with_anything_changed_in_it_is_none(pair: tuple[str, str]) -> None:
    token, changed = pair
    if changed != token:
        with pytest.raises(NotAuthenticated):
            parse_token(changed)


@given(TOKENS, st.sampled_from(TokenKind), st.text(max_size=60))
def test_neither_another_kind_nor_another_rest_makes_a_token(token: str, kind: TokenKind, rest: str) -> None:
    for changed in (f"mreg_{kind}_{token[-50:]}", f"{token[:14]}{rest}", rest, token + rest):
        if changed != token:
            with pytest.raises(NotAuthenticated):
                parse_token(changed)


PATHS = st.sampled_from(
    ["model.bin", "a/b/c.txt", "weights/größe.bin", ".hidden/x", "a b/c", "x" * 255, "a/" * 100 + "z"]
)


@given(nearly(PATHS) | st.text())
def test_a_path_that_is_taken_leads_to_one_file_inside_of_any_directory(path: str) -> None:
    try:
        check_path(path)
    except InvalidPath as refusal:
        refusal.message.encode()
        return
    assert posixpath.normpath(posixpath.join("/home/it", path)) == f"/home/it/{path}"
    assert ntpath.normpath(ntpath.join("C:\\it", path)) == "C:\\it\\" + path.replace("/", "\\")
    assert len(path.encode()) <= 1024 and unicodedata.normalize("NFC", path) == path
    assert not any(unicodedata.category(character) in {"Cc", "Cs", "Zl", "Zp"} for character in path)


@given(st.lists(nearly(st.sampled_from(["a", "a/b", "A/b", "a/B/c", "straße", "STRASSE", "é"])), max_size=3))
def test_the_paths_of_a_manifest_stand_beside_each_other_where_case_is_ignored(paths: list[str]) -> None:
    try:
        check_manifest([NewManifestFile(path=path, digest=DIGEST, size=1) for path in paths])
    except (InvalidPath, InvalidManifest):
        return
    folded = [path.casefold() for path in paths]
    assert len(set(folded)) == len(paths)
    assert not any(one.startswith(f"{other}/") for one in folded for other in folded)


EVERYTHING = PolicyDocument(
    name="everything",
    description="All that a policy can say.",
    rules=(
        ReviewRule(name="people", count=2, people=("ada", "bob"), when="metrics.auc < 0.9"),
        ReviewRule(name="risk", group="risk"),
    ),
    checks=(RequiredCheck(name="evaluation", reported_by=("airflow",), when="params.x = 1"),),
    conditions=(RequiredCondition(expression="metrics.auc > current.metrics.auc", without_current=False),),
    prerequisites=(Prerequisite(stage="staging", seconds=60),),
    formats=("onnx",),
    self_approval=True,
    rollback=RollbackRule(role="approver", within=3),
)
DOCUMENTS = [json.loads(msgspec.json.encode(document)) for document in (EVERYTHING, *BUILT_IN)]


def says(read: Any, written: Any) -> bool:
    """Whether all that was written is what was read, with nothing of it dropped or taken for something else."""
    if isinstance(written, dict):
        return all(says(getattr(read, key), value) for key, value in written.items())
    if isinstance(written, list):
        return len(read) == len(written) and all(map(says, read, written))
    return bool(read == written) and isinstance(written, bool) is isinstance(read, bool)


@given(nearly_document(DOCUMENTS))
def test_a_policy_means_what_was_written_or_is_refused(document: Any) -> None:
    text = json.dumps(document)
    repeated = json.dumps(REPEATED)[1:-1]
    data = text.replace(repeated, "").encode()
    if repeated in text:
        with pytest.raises((RepeatedName, msgspec.DecodeError)):
            decode_strictly(data, PolicyDocument)
        return
    try:
        read = decode_strictly(data, PolicyDocument)
    except msgspec.DecodeError:
        return
    assert says(read, document)
    try:
        check_policy(read)
    except InvalidPolicy as refusal:
        assert refusal.details["faults"]  # noqa: PT017 - both ends are good
        msgspec.json.encode(refusal.details)
    else:
        assert decode_strictly(msgspec.json.encode(read), PolicyDocument) == read


def test_the_documents_that_are_changed_are_policies() -> None:
    for document, written in zip((EVERYTHING, *BUILT_IN), DOCUMENTS, strict=True):
        check_policy(document)
        assert says(document, written)
    assert not says(EVERYTHING, {**DOCUMENTS[0], "self_approval": 1})
