from __future__ import annotations

import unicodedata
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry_service.domain.errors import InvalidInput, InvalidName, InvalidPath, RegistryError, TooLarge
from registry_service.domain.names import (
    check_alias_name,
    check_consumer_name,
    check_group_name,
    check_key,
    check_model_name,
    check_path,
    check_policy_name,
    check_principal_name,
    check_stage_name,
    check_tags,
    check_text,
    fold,
)

# Dots in a row or at the end harm nobody where nothing makes a path of the name.
DOTTED = {"a.", "a..b"}

# The encoder set of the security cases, as far as it makes text.
HOSTILE = [
    "../../etc/passwd",
    "%2e%2e%2f",
    "%252e",
    "%c0%ae",
    "..%5c",
    "..\\..\\x",
    "a;x=1",
    "a#frag",
    "a?q",
    "a\0b",
    "a\r\nb",
    "a\x1b[31m",
    "a ",
    "a.",
    " a",
    ".",
    "..",
    "",
    "a..b",
    "\uff41",
    "e\u0301",
    "a\ud800",
    "a\u202eb",
    "a" * 8192,
    "/etc/passwd",
    "C:\\x",
    "\\\\host\\s",
]


@pytest.mark.parametrize("name", ["a", "fraud-detector", "team-a.churn_de", "My Model 2", "7", "latest", "x" * 256])
def test_model_names_that_are_safe_everywhere_pass(name: str) -> None:
    assert check_model_name(name) == name


@pytest.mark.parametrize("name", [*HOSTILE, "a/b", "a:b", "größe", "-a", "a_", "x" * 257])
def test_other_model_names_are_refused_with_what_to_do(name: str) -> None:
    with pytest.raises(InvalidName, match="Use ASCII letters") as refusal:
        check_model_name(name)
    assert len(refusal.value.message) < 400


@pytest.mark.parametrize("check", [check_alias_name, check_stage_name])
def test_aliases_and_stages_are_identifiers(check: Callable[[str], str]) -> None:
    for name in ["champion", "production", "eu-west.1", "A", "v1a", "7b", "x" * 64, "vv1"]:
        assert check(name) == name
    for name in [*set(HOSTILE) - DOTTED, "a b", "a/b", "_a", "-a", "x" * 65]:
        with pytest.raises(InvalidName, match="Use ASCII letters"):
            check(name)


@pytest.mark.parametrize("name", ["latest", "LATEST", "7", "007", "v7", "V12"])
def test_a_pointer_never_reads_as_a_version(name: str) -> None:
    with pytest.raises(InvalidName, match="reads as a version"):
        check_alias_name(name)


@pytest.mark.parametrize("check", [check_policy_name, check_consumer_name])
def test_policies_and_consumers_are_identifiers(check: Callable[[str], str]) -> None:
    assert check("v2") == "v2"
    for name in [*set(HOSTILE) - DOTTED, "a b", "x" * 65]:
        with pytest.raises(InvalidName):
            check(name)


def test_people_have_login_names_and_addresses() -> None:
    for name in ["ann", "_www", "ann.b+c@example.com", "host$", "1"]:
        assert check_principal_name(name) == name
    for name in ["", "a b", "$", "a$b", "-a", "ann@exämple.com", "x" * 257, "a\n"]:
        with pytest.raises(InvalidName, match="person or service"):
            check_principal_name(name)


def test_groups_may_have_spaces() -> None:
    assert check_group_name("Risk Team @EU") == "Risk Team @EU"
    for name in ["", " a", "a ", "a/b", "x" * 257, "a\n"]:
        with pytest.raises(InvalidName, match="group"):
            check_group_name(name)


def test_keys_are_printable_text_in_one_form() -> None:
    for key in ["auc", "f1.macro", "mlflow.user", "größe", "a b", "a/b", "x" * 256]:
        assert check_key(key) == key
    for key in ["", " a", "a ", "a\0", "a\n", "e\u0301", "a\ud800", "x" * 257, "é" * 129]:
        with pytest.raises(InvalidName, match="is no key"):
            check_key(key)


def test_tags_have_limits() -> None:
    check_tags({"a": "", "b": "x" * 100_000, "c": "größe\n"})
    with pytest.raises(TooLarge, match="201 tags"):
        check_tags({str(number): "" for number in range(201)})
    with pytest.raises(TooLarge, match="'a' has 100001 bytes"):
        check_tags({"a": "x" * 100_001})
    with pytest.raises(InvalidName):
        check_tags({"": "x"})
    for value in ["a\0", "\ud800"]:
        with pytest.raises(InvalidInput):
            check_tags({"a": value})


def test_text_is_measured_in_bytes() -> None:
    assert check_text("é", "It", limit=2) == "é"
    with pytest.raises(TooLarge):
        check_text("é", "It", limit=1)


@pytest.mark.parametrize(
    "path", ["model.onnx", "a/b/c.bin", "größe.bin", "a b", "..a/b", "x" * 255, "/".join(["x" * 204] * 5)]
)
def test_logical_paths_pass(path: str) -> None:
    assert check_path(path) == path


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("", "empty"),
        ("/etc/passwd", "absolute"),
        ("C:/x", "absolute"),
        ("c:x", "absolute"),
        (".:x/y", "absolute"),
        ("1:x", "absolute"),
        ("ü:x", "absolute"),
        ("C:\\x", "backslash"),
        ("\\\\host\\s", "backslash"),
        ("..\\x", "backslash"),
        ("../../x", "segment"),
        ("a/../b", "segment"),
        ("a/./b", "segment"),
        ("a//b", "segment"),
        ("a/", "segment"),
        (".", "segment"),
        ("a\0b", "control"),
        ("a\nb", "control"),
        ("a\x7f", "control"),
        ("a\x85", "control"),
        ("a\u202egpj.exe", "control"),
        ("a\ud800", "control"),
        ("e\u0301", "NFC"),
        ("a /b", "space or dot"),
        ("a./b", "space or dot"),
        ("...", "space or dot"),
        ("x" * 256, "segment is longer"),
        ("é" * 128, "segment is longer"),
        ("/".join(["x" * 205] * 5), "longer than 1024"),
    ],
)
def test_paths_that_could_lead_out_or_stand_nowhere_are_refused(path: str, why: str) -> None:
    with pytest.raises(InvalidPath, match=why) as refusal:
        check_path(path)
    assert refusal.value.code == "invalid_path"


@given(st.text())
def test_a_path_that_passes_stays_below_its_root_on_every_system(path: str) -> None:
    try:
        check_path(path)
    except InvalidPath:
        return
    segments = path.replace("\\", "/").split("/")
    assert path
    assert not {"", ".", ".."} & {segment.rstrip(" .") for segment in segments}
    assert path == unicodedata.normalize("NFC", path)


@given(st.sampled_from([check_model_name, check_key, check_path, check_principal_name, check_alias_name]), st.text())
def test_a_refusal_can_always_be_told(check: Callable[[str], str], name: str) -> None:
    told = "nothing"
    try:
        check(name)
    except RegistryError as refusal:
        told = refusal.message + "".join(refusal.details.values())
    told.encode()


def test_names_fold_as_people_and_file_systems_read_them() -> None:
    assert fold("Fraud") == fold("fraud") == "fraud"
    assert fold("STRASSE") == fold("straße")
    assert fold("E\u0301") == fold("é")
    assert fold("a") != fold("b")


@given(st.text())
def test_folding_twice_folds_once(name: str) -> None:
    assert fold(fold(name)) == fold(name)
