from __future__ import annotations

import pytest

from registry_service.domain.entities import DeploymentRole
from registry_service.domain.protection import protecting_stages


@pytest.mark.parametrize("role", DeploymentRole)
@pytest.mark.parametrize("authorised", [[], ["production"], ["staging", "production", "production"]])
def test_all_stages_that_stand_at_a_target_protect_it_from_what_gets_traffic(
    role: DeploymentRole, authorised: list[str]
) -> None:
    gets_traffic = role in (DeploymentRole.PRIMARY, DeploymentRole.CANARY)
    assert protecting_stages(role, authorised) == (sorted({*authorised}) if gets_traffic else [])
