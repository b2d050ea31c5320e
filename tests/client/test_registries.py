"""Several registries by name: which one is asked, whose token goes there, and what keeps the list."""

from __future__ import annotations

import json
import os
import stat
import threading
from pathlib import Path

import pytest

from registry_service.client import AsyncRegistryClient, NotConfigured, RegistryClient
from registry_service.client.credentials import Credentials, find, profile_path, search, write_profile
from registry_service.client.registries import (
    MAX_REGISTRIES,
    KnownRegistry,
    Registries,
    change_registries,
    config_path,
    read_registries,
)

FIRST_RUN = "http://127.0.0.1:8470"


@pytest.fixture
def home(tmp_path: Path) -> dict[str, str]:
    """`prod` is in use, `lab` is known, and somebody is logged in without a name."""
    environment = {"MODEL_REGISTRY_HOME": str(tmp_path)}
    write_profile(profile_path("person", environment), Credentials(FIRST_RUN, "of-person"))
    write_profile(profile_path("airflow", environment), Credentials(FIRST_RUN, "of-airflow"))
    token = tmp_path / "lab.token"
    token.write_text("of-lab\n")
    token.chmod(0o600)
    known = Registries(
        registries={
            "prod": KnownRegistry(url="https://prod.test", token="of-prod", ca_file="/etc/prod.pem"),
            "lab": KnownRegistry(url="https://lab.test", token_file=str(token)),
            "bare": KnownRegistry(url="https://bare.test"),
            "here": KnownRegistry(url=f"{FIRST_RUN}/"),
        },
        use="prod",
    )
    change_registries(config_path(environment), lambda _: known)
    return environment


@pytest.mark.parametrize(
    ("arguments", "environment", "found"),
    [
        # An argument comes before everything,
        ({"registry": "lab"}, {"MODEL_REGISTRY_URL": "https://env.test", "MODEL_REGISTRY_TOKEN": "env"},
         ("https://lab.test", "of-lab")),
        ({"registry": "lab"}, {"MODEL_REGISTRY_NAME": "prod"}, ("https://lab.test", "of-lab")),
        ({"registry": "lab", "token": "arg"}, {}, ("https://lab.test", "arg")),
        ({"url": "https://arg.test", "token": "arg"}, {"MODEL_REGISTRY_NAME": "lab"}, ("https://arg.test", "arg")),
        ({"url": "https://lab.test/", "registry": "lab"}, {}, ("https://lab.test", "of-lab")),
        # then the environment,
        ({}, {"MODEL_REGISTRY_URL": "https://env.test", "MODEL_REGISTRY_TOKEN": "env", "MODEL_REGISTRY_NAME": "lab"},
         ("https://env.test", "env")),
        ({}, {"MODEL_REGISTRY_NAME": "lab"}, ("https://lab.test", "of-lab")),
        ({}, {"MODEL_REGISTRY_TOKEN": "env"}, ("https://prod.test", "env")),
        ({}, {"MODEL_REGISTRY_URL": "https://prod.test"}, ("https://prod.test", "of-prod")),
        ({}, {"MODEL_REGISTRY_URL": FIRST_RUN}, (FIRST_RUN, "of-person")),
        # then the registry in use,
        ({}, {}, ("https://prod.test", "of-prod")),
        # and then the login without a name. Airflow's own never changes with what a person uses.
        ({"profile": "airflow"}, {}, (FIRST_RUN, "of-airflow")),
        ({"profile": "airflow"}, {"MODEL_REGISTRY_NAME": "lab"}, (FIRST_RUN, "of-airflow")),
        ({"registry": "here"}, {}, (FIRST_RUN, "of-person")),
        # What has no token of its own takes that of the environment, unless it is for another registry.
        ({"registry": "bare"}, {"MODEL_REGISTRY_TOKEN": "env"}, ("https://bare.test", "env")),
        ({"registry": "bare"}, {"MODEL_REGISTRY_TOKEN": "env", "MODEL_REGISTRY_URL": "https://bare.test/"},
         ("https://bare.test", "env")),
    ],
)  # fmt: skip
def test_an_argument_comes_before_the_environment_that_before_the_registry_in_use_and_that_before_the_login(
    home: dict[str, str], arguments: dict[str, str], environment: dict[str, str], found: tuple[str, str]
) -> None:
    credentials = find(**arguments, environment=home | environment)  # type: ignore[arg-type] # names of arguments
    assert (credentials.url, credentials.token) == found
    assert credentials.ca_file == ("/etc/prod.pem" if credentials.url == "https://prod.test" else None)


@pytest.mark.parametrize(
    ("arguments", "environment"),
    [
        ({"url": "https://elsewhere.test"}, {}),
        ({}, {"MODEL_REGISTRY_URL": "https://elsewhere.test"}),
        ({}, {"MODEL_REGISTRY_URL": "https://elsewhere.test", "MODEL_REGISTRY_NAME": "prod"}),
        ({"registry": "bare"}, {}),
        ({"registry": "bare"}, {"MODEL_REGISTRY_URL": "https://env.test", "MODEL_REGISTRY_TOKEN": "env"}),
        ({"registry": "prod", "url": "https://elsewhere.test"}, {}),
        ({"registry": "none"}, {}),
        ({}, {"MODEL_REGISTRY_NAME": "none"}),
    ],
)
def test_no_token_goes_to_another_registry_than_its_own(
    home: dict[str, str], arguments: dict[str, str], environment: dict[str, str]
) -> None:
    with pytest.raises(NotConfigured) as caught:
        find(**arguments, environment=home | environment)  # type: ignore[arg-type] # names of arguments
    assert not any(token in str(caught.value) for token in ("of-prod", "of-lab", "of-person"))


def test_who_uses_none_is_where_they_logged_in(home: dict[str, str]) -> None:
    change_registries(config_path(home), lambda known: known.using(None))
    assert find(environment=home) == Credentials(FIRST_RUN, "of-person")


def test_what_was_found_says_where_and_never_the_token(home: dict[str, str]) -> None:
    found = search(environment=home)
    assert (found.url_from, found.token_from) == ("registry 'prod'", "registry 'prod'")
    assert "of-prod" not in repr(found)
    named = search(environment=home | {"MODEL_REGISTRY_URL": FIRST_RUN})
    assert (named.url_from, named.token_from) == ("MODEL_REGISTRY_URL", str(profile_path("person", home)))
    assert "of-prod" not in repr(read_registries(config_path(home)))


def test_both_clients_take_a_registry_by_its_name(home: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODEL_REGISTRY_HOME", home["MODEL_REGISTRY_HOME"])
    for name in ("MODEL_REGISTRY_URL", "MODEL_REGISTRY_TOKEN", "MODEL_REGISTRY_TOKEN_FILE", "MODEL_REGISTRY_NAME"):
        monkeypatch.delenv(name, raising=False)
    with RegistryClient(registry="lab") as client:
        assert client.url == "https://lab.test"
        assert client._session.headers["Authorization"] == "Bearer of-lab"
    assert AsyncRegistryClient(registry="lab").url == "https://lab.test"
    with pytest.raises(FileNotFoundError):
        RegistryClient()  # the authorities of prod are asked for, and aren't there


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o602])
@pytest.mark.parametrize("which", ["config.json", "lab.token"])
def test_what_others_can_open_is_refused(home: dict[str, str], which: str, mode: int) -> None:
    (Path(home["MODEL_REGISTRY_HOME"]) / which).chmod(mode)
    with pytest.raises(NotConfigured, match="chmod 600"):
        find(registry="lab", environment=home)
    (Path(home["MODEL_REGISTRY_HOME"]) / which).chmod(0o400)
    assert find(registry="lab", environment=home).token == "of-lab"


def test_the_list_is_for_its_owner_alone_even_with_a_careless_umask(tmp_path: Path) -> None:
    file = tmp_path / "home" / "config.json"
    before = os.umask(0)
    try:
        change_registries(file, lambda known: known.with_one("prod", KnownRegistry(url="https://p.test", token="t")))
    finally:
        os.umask(before)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600 and stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert {path.name for path in file.parent.iterdir()} == {"config.json", "config.lock"}
    assert json.loads(file.read_bytes()) == {"registries": {"prod": {"url": "https://p.test", "token": "t"}}}


def test_who_changes_the_list_at_the_same_time_loses_no_token(tmp_path: Path) -> None:
    file = tmp_path / "config.json"
    names = [f"r{number}" for number in range(20)]

    def add(name: str) -> None:
        change_registries(file, lambda known: known.with_one(name, KnownRegistry(url="https://p.test", token=name)))

    threads = [threading.Thread(target=add, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {name: one.token for name, one in read_registries(file).registries.items()} == dict(
        zip(names, names, strict=True)
    )


@pytest.mark.parametrize(
    "content", [b"", b"[]", b'{"registries": {"a": {}}}', b'{"uze": "a"}', b"\xff", b'{"registries": ' + b"[" * 100_000]
)
def test_a_damaged_list_is_named_and_never_written_over(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "config.json"
    file.write_bytes(content)
    file.chmod(0o600)
    with pytest.raises(NotConfigured, match=r"config\.json"):
        change_registries(file, lambda known: known.using(None))
    assert file.read_bytes() == content
    explicit = find("https://arg.test", "arg", environment={"MODEL_REGISTRY_HOME": str(tmp_path)})
    assert explicit.token == "arg", "who says all asks no file"


def test_a_list_has_bounds_and_plain_names() -> None:
    one = KnownRegistry(url="https://p.test")
    full = Registries(registries={f"r{number}": one for number in range(MAX_REGISTRIES)})
    with pytest.raises(NotConfigured):
        full.with_one("more", one)
    assert full.with_one("r1", one) == full
    for name in ("", "../x", "a b", "ü", "a\0"):
        with pytest.raises(NotConfigured):
            Registries().with_one(name, one)
    assert full.using("r1").without("r1").use is None and full.using("r1").without("r2").use == "r1"
