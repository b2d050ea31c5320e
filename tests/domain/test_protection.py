from __future__ import annotations

import pytest

from registry_service.domain.entities import DeploymentRole
from registry_service.domain.protection import keeps_protection, protecting_stages

ORDER = ["dev", "staging", "production"]


@pytest.mark.parametrize("role", DeploymentRole)
@pytest.mark.parametrize("authorised", [[], ["production"], ["staging", "production", "production"], ["former"]])
def test_all_stages_that_stand_at_a_target_protect_it_from_what_gets_traffic(
    role: DeploymentRole, authorised: list[str]
) -> None:
    gets_traffic = role in (DeploymentRole.PRIMARY, DeploymentRole.CANARY)
    assert protecting_stages(role, None, authorised, [], ORDER) == (sorted({*authorised}) if gets_traffic else [])


@pytest.mark.parametrize(
    ("named", "protecting"),
    [
        ("dev", ["former", "production", "staging"]),
        ("staging", ["former", "production"]),
        ("production", ["former"]),
    ],
)
def test_a_stage_is_got_around_by_no_earlier_one_and_gives_way_to_a_later_one(
    named: str, protecting: list[str]
) -> None:
    authorised = ["staging", "production", "former", "dev"]
    assert protecting_stages(DeploymentRole.PRIMARY, named, authorised, [], ORDER) == protecting
    assert protecting_stages(DeploymentRole.SHADOW, named, authorised, [], ORDER) == []


@pytest.mark.parametrize(
    ("standing", "ended", "named", "protecting"),
    [
        ([], ["production"], None, ["production"]),
        ([], ["production"], "staging", ["production"]),
        ([], ["production"], "production", []),
        ([], ["staging", "production"], None, ["production"]),
        (["staging"], ["production"], None, ["production", "staging"]),
        (["staging"], ["production"], "staging", ["production"]),
        (["production"], ["staging"], None, ["production"]),
        ([], ["production", "former"], "production", ["former"]),
    ],
)
def test_the_latest_stage_goes_on_protecting_when_its_deployments_have_ended(
    standing: list[str], ended: list[str], named: str | None, protecting: list[str]
) -> None:
    assert protecting_stages(DeploymentRole.CANARY, named, standing, ended, ORDER) == protecting
    assert protecting_stages(DeploymentRole.SHADOW, named, standing, ended, ORDER) == []


@pytest.mark.parametrize(
    ("wanted", "kept"),
    [
        (["staging", "production"], True),
        (["dev", "staging", "production"], True),
        (["production"], True),
        (["production", "staging"], False),
        (["staging", "production", "last"], False),
        (["staging", "between", "production"], False),
    ],
)
def test_behind_a_stage_comes_none_that_was_not_there(wanted: list[str], kept: bool) -> None:
    assert keeps_protection(["staging", "production"], wanted) is kept
