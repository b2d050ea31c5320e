from __future__ import annotations

import asyncio
import os
import stat
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from registry_service.app import now
from registry_service.domain.errors import DatabaseUnavailable, InvalidName
from registry_service.services.credentials import Credentials, read_credentials, write_credentials
from tests.service_fixture import RunningService, StartService, running, settings_for
from tests.web.stories import API, answered, create_model


def modes(directory: Path) -> dict[str, int]:
    return {str(p.relative_to(directory)): stat.S_IMODE(p.stat().st_mode) for p in directory.rglob("*")}


def test_an_empty_registry_gets_a_person_a_service_and_policies(service: RunningService) -> None:
    with service.http() as http:
        me = answered(http.get(f"{API}/whoami"))["principal"]
        airflow = answered(http.get(f"{API}/principals/airflow"))
        policies = answered(http.get(f"{API}/policies"))["items"]
        attached = answered(http.get(f"{API}/policies/attachments"))["items"]
        create_model(http, "m")
        pins = answered(http.get(f"{API}/models/m/stages/production"))["policies"]
        kinds = [event["kind"] for event in answered(http.get(f"{API}/events"))["events"]]
    assert (me["name"], me["kind"]) == ("ada", "person")
    assert [(g["role"], g["pattern"]) for g in me["grants"]] == [("admin", "*")]
    assert (airflow["kind"], airflow["owners"]) == ("service", ["ada"])
    assert [(g["role"], g["pattern"]) for g in airflow["grants"]] == [("contributor", "*")]
    assert sorted(p["name"] for p in policies) == ["open", "regulated", "solo", "team"]
    assert [(a["policy"], a["model_pattern"], a["stage"], a["default"]) for a in attached] == [("solo", "*", "*", True)]
    assert pins == [{"name": "solo", "version": 1}]
    assert kinds.count("principal.created") == 2 and kinds.count("policy.written") == 4


def test_the_token_of_airflow_is_the_services(service: RunningService) -> None:
    with service.http(token=service.airflow) as http:
        assert answered(http.get(f"{API}/whoami"))["principal"]["name"] == "airflow"
        create_model(http, "made by a pipeline")
        assert answered(http.get(f"{API}/models/made by a pipeline"))["owners"] == ["ada"]


def test_an_airflow_apart_gets_a_file_of_its_own_with_the_address_where_it_finds_the_service(
    start_service: StartService, tmp_path: Path
) -> None:
    apart = tmp_path / "volume" / "credentials" / "airflow.json"
    service = start_service(airflow_credentials=apart, airflow_url="http://registry:8470")
    kept = read_credentials(apart)
    assert kept is not None and kept.url == "http://registry:8470"
    assert modes(tmp_path / "volume") == {"credentials": 0o700, "credentials/airflow.json": 0o600}
    assert [file.name for file in (service.home / "credentials").iterdir()] == ["person.json"]
    assert service.credentials("person").url == service.url
    with service.http(token=kept.token) as http:
        assert answered(http.get(f"{API}/whoami", headers={"Host": "registry:8470"}))["principal"]["name"] == "airflow"
    service.restart()
    assert read_credentials(apart) == kept


def test_nobody_else_can_read_what_the_service_keeps(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        with running(settings_for(tmp_path / "home")) as service:
            with service.http() as http:
                create_model(http, "m")
            assert stat.S_IMODE(service.home.stat().st_mode) == 0o700
            found = modes(service.home)
    finally:
        os.umask(before)
    assert {"registry.db", "lock", "credentials/person.json", "credentials/airflow.json"} <= set(found)
    wrong = {name: oct(mode) for name, mode in found.items() if mode not in {0o600, 0o700}}
    assert wrong == {}


async def test_a_second_start_changes_nothing_on_both_databases(service_on: RunningService) -> None:
    def look() -> None:
        before = (service_on.person, service_on.airflow)
        with service_on.http() as http:
            seen = answered(http.get(f"{API}/events", params={"limit": 1000}))["cursor"]
        service_on.restart()
        assert (service_on.person, service_on.airflow) == before
        with service_on.http() as http:
            assert answered(http.get(f"{API}/events", params={"after": seen}))["events"] == []

    await asyncio.to_thread(look)


def test_a_lost_token_file_is_made_again(service: RunningService) -> None:
    lost = service.person
    (service.home / "credentials" / "person.json").unlink()
    (service.home / "credentials" / "airflow.json").write_text("damaged")
    service.restart()
    assert service.person != lost
    for token in (service.person, service.airflow):
        with service.http(token=token) as http:
            answered(http.get(f"{API}/whoami"))


def test_a_revoked_token_is_replaced_but_a_disabled_principal_gets_none(service: RunningService) -> None:
    with service.http() as http:
        issued = answered(http.get(f"{API}/tokens", params={"principal": "airflow"}))["items"]
        answered(http.delete(f"{API}/tokens/{issued[0]['id']}"))
    old = service.airflow
    service.restart()
    assert service.airflow != old
    with service.http() as http:
        answered(http.patch(f"{API}/principals/airflow", json={"disabled": True}))
    (service.home / "credentials" / "airflow.json").unlink()
    service.restart()
    assert not (service.home / "credentials" / "airflow.json").exists()


def test_a_right_that_an_admin_took_is_not_given_again(service: RunningService) -> None:
    with service.http() as http:
        grants = answered(http.get(f"{API}/principals/airflow"))["grants"]
        answered(http.delete(f"{API}/grants/{grants[0]['id']}"), 204)
        attached = answered(http.get(f"{API}/policies/attachments"))["items"]
        answered(http.post(f"{API}/policies/attachments/{attached[0]['id']}/detach"))
    service.restart()
    with service.http() as http:
        assert answered(http.get(f"{API}/principals/airflow"))["grants"] == []
        assert answered(http.get(f"{API}/policies/attachments"))["items"] == []


def test_another_address_is_written_into_the_files_with_the_same_tokens(service: RunningService) -> None:
    before = service.credentials("person")
    service.stop()
    service.settings = msgspec.structs.replace(service.settings, port=0)
    service.start()
    after = service.credentials("person")
    assert after.token == before.token
    assert after.url == service.url != before.url


def test_a_token_that_soon_ends_is_replaced_in_time(start_service: StartService) -> None:
    moment = now()
    service = start_service(clock=lambda: moment)
    first = service.person
    moment += timedelta(days=59)
    service.restart()
    assert service.person == first
    moment += timedelta(days=2)
    service.restart()
    assert service.person != first
    with service.http(token=first) as http:  # whoever read it before has time to read again
        answered(http.get(f"{API}/whoami"))


def test_a_user_named_airflow_does_not_become_the_service(start_service: StartService) -> None:
    service = start_service(person="airflow")
    with service.http() as http:
        me = answered(http.get(f"{API}/whoami"))["principal"]
    assert (me["name"], me["kind"]) == ("admin", "person")


def test_a_person_who_cannot_be_named_so_is_refused(start_service: StartService) -> None:
    with pytest.raises(InvalidName):
        start_service(person="a b/c")


def test_one_home_has_one_service(service: RunningService) -> None:
    with pytest.raises(DatabaseUnavailable, match="in use by process"):
        RunningService(msgspec.structs.replace(service.settings, port=0)).start()
    with service.http() as http:
        answered(http.get(f"{API}/whoami"))


def test_a_token_file_is_put_in_place_whole_and_private(tmp_path: Path) -> None:
    path = tmp_path / "new" / "person.json"
    before = os.umask(0)
    try:
        write_credentials(path, Credentials(url="http://x", token="one"))
        write_credentials(path, Credentials(url="http://x", token="two"))
    finally:
        os.umask(before)
    assert modes(tmp_path) == {"new": 0o700, "new/person.json": 0o600}
    found = read_credentials(path)
    assert found is not None and found.token == "two" and "two" not in repr(found)
