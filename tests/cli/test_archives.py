from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.archived import archive_of, history_of
from tests.cli.conftest import CommandLine, speaking_for
from tests.service_fixture import RunningService, running, settings_for


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningService]:
    with running(settings_for(tmp_path_factory.mktemp("elsewhere") / "service")) as service:
        yield service


@pytest.fixture
def there(alone: CommandLine, elsewhere: RunningService) -> CommandLine:
    """The admin of the registry where versions go."""
    return speaking_for(alone, elsewhere, elsewhere.person)


@pytest.fixture
def file(ada: CommandLine, model: str, trained: Path, tmp_path: Path) -> Path:
    ada("versions", "register", model, str(trained), "--metric", "auc=0.91")
    file = tmp_path / "out.mra"
    ada("versions", "export", f"{model}/latest", "--output", str(file))
    return file


def test_a_version_is_exported_verified_and_imported(
    ada: CommandLine, alone: CommandLine, there: CommandLine, model: str, file: Path
) -> None:
    digest = ada.json("versions", "show", model, "1")["digest"]
    verified = alone("versions", "verify-archive", str(file), "--digest", digest)
    assert verified.out.startswith("Sound.")
    assert digest in verified.out
    imported = there("versions", "import", str(file), "--promote", "staging")
    assert f"{model} 1 is imported: 2 files" in imported.out
    assert f"Requested: {model} 1 for staging" in imported.out
    again = there("versions", "import", str(file))
    assert f"{model} 1 is there already, registered by ada" in again.out
    assert there.json("versions", "import", str(file))["existed"] is True
    assert there.json("versions", "import", str(file), "--model", f"{model}-2")["version"]["digest"] == digest


def test_what_is_told_is_told_to_programs_too(ada: CommandLine, alone: CommandLine, model: str, file: Path) -> None:
    verified = alone.json("versions", "verify-archive", str(file))
    assert verified["version"]["model_name"] == model
    assert verified["history"]["registered_by"] == "ada"
    exported = ada.json("versions", "export", f"{model}/1", "--output", str(file), "--overwrite")
    assert exported["version"] == verified["version"]


@dataclass(frozen=True)
class Damage:
    fault: str
    words: str
    do: Callable[[bytes], bytes]


@pytest.mark.parametrize(
    "damage",
    [
        Damage("truncated", "breaks off", lambda data: data[:-1]),
        Damage("trailing", "1 more follow", lambda data: data + b"x"),
        Damage("altered", "Files and metadata make up", lambda data: data.replace(b"weights.bin", b"weighty.bin")),
        Damage("altered", "has the digest", lambda data: data.replace(b"# card", b"# cart")),
        Damage("unexpected", "archive.json", lambda data: data.replace(b"0000644", b"0000777", 1)),
        Damage("not_an_archive", "no archive", lambda data: b"PK" + data),
    ],
    ids=lambda damage: damage.words.replace(" ", "-"),
)
def test_damage_is_named_and_ends_with_1(alone: CommandLine, there: CommandLine, file: Path, damage: Damage) -> None:
    file.write_bytes(damage.do(file.read_bytes()))
    refused = alone("versions", "verify-archive", str(file), code=1)
    assert damage.words in refused.err
    assert "[invalid_archive]" in refused.err
    error = json.loads(there("versions", "import", str(file), "--json", code=1).err)["error"]
    assert (error["code"], error["details"]["fault"]) == ("invalid_archive", damage.fault)


def test_another_content_than_was_asked_for_is_refused(alone: CommandLine, there: CommandLine, file: Path) -> None:
    other = "sha256:" + "0" * 64
    assert "not sha256:000" in alone("versions", "verify-archive", str(file), "--digest", other, code=1).err
    assert "not sha256:000" in there("versions", "import", str(file), "--digest", other, code=1).err


def test_a_file_that_is_there_stays_unless_told(ada: CommandLine, model: str, file: Path) -> None:
    before = file.read_bytes()
    refused = ada("versions", "export", f"{model}/1", "--output", str(file), code=1)
    assert "[already_exists]" in refused.err
    assert file.read_bytes() == before
    ada("versions", "export", f"{model}/1", "--output", str(file), "--overwrite")


@pytest.mark.parametrize("named", ["fraud", "/1", "fraud/"])
def test_a_version_is_named_by_model_and_selector(alone: CommandLine, named: str) -> None:
    assert "fraud/@production" in alone("versions", "export", named, "--output", "x.mra", code=2).err


def test_a_model_is_made_unless_that_is_unwanted(there: CommandLine, model: str, file: Path) -> None:
    assert "[model_not_found]" in there("versions", "import", str(file), "--no-create", code=1).err
    there("models", "create", model)
    there("versions", "import", str(file), "--no-create")


def test_names_in_an_archive_move_no_cursor(alone: CommandLine, tmp_path: Path) -> None:
    file = tmp_path / "hostile.mra"
    file.write_bytes(archive_of(history=history_of(registered_by="\x1b[2J\u202eeve")))
    assert "\x1b" not in alone("versions", "verify-archive", str(file)).out


@pytest.fixture
def knowing(ada: CommandLine, elsewhere: RunningService, tmp_path: Path) -> CommandLine:
    """The admin of one registry, who knows the other by name."""
    token = tmp_path / "prod.token"
    token.touch(0o600)
    token.write_text(elsewhere.person)
    ada("config", "add", "prod", elsewhere.url, "--token-file", str(token))
    return ada


def test_a_version_is_copied_to_a_registry_that_is_known(
    knowing: CommandLine, there: CommandLine, elsewhere: RunningService, model: str, trained: Path
) -> None:
    knowing("versions", "register", model, str(trained))
    copied = knowing("versions", "copy", f"{model}/latest", "--to", "prod")
    assert copied.out.startswith(f"In {elsewhere.url}: {model} 1 is imported: 2 files")
    assert f"Next: model-registry --registry prod promotions request {model} 1" in copied.out
    again = knowing.json("versions", "copy", f"{model}/1", "--to", "prod", "--promote", "staging", "--reason", "agreed")
    assert (again["existed"], again["promotion"]["reason"]) == (True, "agreed")
    assert there.json("versions", "show", model)["digest"] == knowing.json("versions", "show", model)["digest"]


def test_a_copy_to_nowhere_copies_nothing(knowing: CommandLine, model: str, trained: Path) -> None:
    knowing("versions", "register", model, str(trained))
    assert "[not_configured]" in knowing("versions", "copy", f"{model}/1", "--to", "nowhere", code=2).err
    # The token of the environment is that of the registry that is asked, and goes nowhere else.
    knowing("config", "add", "bare", "http://127.0.0.1:9")
    assert "[not_configured]" in knowing("versions", "copy", f"{model}/1", "--to", "bare", code=2).err
