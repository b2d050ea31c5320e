from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from registry_service.client import NotConfigured, RegistryClient
from registry_service.client.credentials import Credentials, find, profile_path, read_profile, write_profile
from registry_service.client.registries import KnownRegistry, change_registries, config_path
from registry_service.services.credentials import read_credentials


@pytest.fixture
def home(tmp_path: Path) -> dict[str, str]:
    environment = {"MODEL_REGISTRY_HOME": str(tmp_path)}
    write_profile(profile_path("person", environment), Credentials("http://127.0.0.1:8080", "from-file"))
    write_profile(profile_path("airflow", environment), Credentials("http://127.0.0.1:8080", "of-airflow"))
    return environment


def test_arguments_come_before_the_environment_and_that_before_the_file(home: dict[str, str]) -> None:
    everywhere = home | {"MODEL_REGISTRY_URL": "https://env.test/", "MODEL_REGISTRY_TOKEN": "from-env"}
    assert find("https://arg.test", "from-arg", environment=everywhere) == Credentials("https://arg.test", "from-arg")
    assert find(environment=everywhere) == Credentials("https://env.test", "from-env")
    assert find(environment=home) == Credentials("http://127.0.0.1:8080", "from-file")
    assert find(profile="airflow", environment=home).token == "of-airflow"


def test_a_token_file_holds_the_token_alone(home: dict[str, str], tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("from-token-file\n")
    named = home | {"MODEL_REGISTRY_TOKEN_FILE": str(file)}
    assert find(environment=named).token == "from-token-file"
    assert find(token_file=file, environment=home | {"MODEL_REGISTRY_TOKEN": "from-env"}).token == "from-token-file"
    with pytest.raises(NotConfigured, match="missing"):
        find(token_file=tmp_path / "missing", environment=home)


def test_a_stored_token_is_only_ever_sent_to_the_url_beside_it(home: dict[str, str]) -> None:
    assert find("http://127.0.0.1:8080/", environment=home).token == "from-file"
    for environment, url in ((home, "http://elsewhere.test"), (home | {"MODEL_REGISTRY_URL": "http://x.test"}, None)):
        with pytest.raises(NotConfigured):
            find(url, environment=environment)


def test_the_environments_token_is_sent_to_no_other_url_than_the_environments(tmp_path: Path) -> None:
    there = {
        "MODEL_REGISTRY_HOME": str(tmp_path),
        "MODEL_REGISTRY_URL": "https://a.example",
        "MODEL_REGISTRY_TOKEN": "t",
    }
    with pytest.raises(NotConfigured, match=r"no token for https://b\.example"):
        find("https://b.example", environment=there)
    assert find("https://a.example/", environment=there).token == "t"
    del there["MODEL_REGISTRY_URL"]
    assert find("https://b.example", environment=there).token == "t"


def test_a_known_registry_without_a_token_says_how_to_log_in_there(tmp_path: Path) -> None:
    there = {"MODEL_REGISTRY_HOME": str(tmp_path)}
    us = KnownRegistry(url="https://us.example")
    change_registries(config_path(there), lambda known: known.with_one("us", us))
    with pytest.raises(NotConfigured, match=r"Run `model-registry --registry us login`"):
        find(registry="us", environment=there)


def test_without_any_settings_the_message_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(NotConfigured, match="model-registry login"):
        find(environment={"MODEL_REGISTRY_HOME": str(tmp_path)})


@pytest.mark.parametrize(
    "url", ["registry.test", "ftp://registry.test", "http://", "http://user:pw@registry.test", "http://r.test/?a=1"]
)
def test_what_is_no_url_of_a_registry_is_refused(url: str) -> None:
    with pytest.raises(NotConfigured):
        RegistryClient(url, "secret")


@pytest.mark.parametrize("token", ["two words", "line\nline", "gehëim", '{"url": "x"}'])
def test_what_is_no_token_is_refused_without_being_shown(token: str) -> None:
    with pytest.raises(NotConfigured) as caught:
        RegistryClient("http://registry.test", token)
    assert token not in str(caught.value)


def test_credentials_never_show_their_token() -> None:
    assert "geheim" not in repr(Credentials("http://registry.test", "geheim"))


@pytest.mark.parametrize("profile", ["", "../person", "a/b", "a\0b", "."])
def test_a_profile_is_a_plain_word(profile: str) -> None:
    with pytest.raises(NotConfigured):
        profile_path(profile, {})


def test_a_profile_is_for_its_owner_alone_even_with_a_careless_umask(tmp_path: Path) -> None:
    file = profile_path("person", {"MODEL_REGISTRY_HOME": str(tmp_path / "home")})
    before = os.umask(0)
    try:
        write_profile(file, Credentials("http://registry.test", "one"))
        write_profile(file, Credentials("http://registry.test", "two"))
    finally:
        os.umask(before)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert read_profile(file) == Credentials("http://registry.test", "two")
    assert list(file.parent.iterdir()) == [file]


@pytest.mark.parametrize(
    "content",
    [b"", b'{"url": 1}', b'{"url": "\xff", "token": "x"}', b'{"url": "u", "token": "t", "x": ' + b"[" * 100_000],
    ids=["empty", "wrong type", "not UTF-8", "without end"],
)
def test_a_damaged_profile_is_named_by_the_client_and_written_anew_by_the_service(
    tmp_path: Path, content: bytes
) -> None:
    file = tmp_path / "person.json"
    file.write_bytes(content)
    assert read_credentials(file) is None
    with pytest.raises(NotConfigured, match=r"person\.json"):
        read_profile(file)
    assert read_profile(tmp_path / "none.json") is None


def test_proxies_of_the_environment_are_not_asked_for_ones_own_machine() -> None:
    for url, outside in (
        ("http://127.0.0.1:1", False),
        ("http://localhost:1", False),
        ("http://[::1]:1", False),
        ("https://registry.test", True),
    ):
        with RegistryClient(url, "secret") as client:
            assert client._session.trust_env is outside


@pytest.mark.parametrize("url", ["http://[", "http://[x]", "http://registry.test:99999", "http://registry.test:port"])
def test_an_address_that_is_none_is_told_so(url: str) -> None:
    with pytest.raises(NotConfigured, match="no registry's URL"):
        find(url, "token", environment={})
