from __future__ import annotations

import pytest

from registry_service.db.queries import compare
from registry_service.domain.comparing import parse_versions
from registry_service.domain.entities import Comparison, FileChange
from registry_service.domain.errors import ModelNotFound, VersionNotFound
from registry_service.domain.permissions import Role
from tests.services.world import World


async def compared(world: World, text: str, by: str = "rita", *, everything: bool = False) -> Comparison:
    return await world.look(by, compare.compare_versions, parse_versions(text), everything=everything)


async def test_versions_of_several_models_are_compared_by_any_selector(solo: World) -> None:
    await solo.model("fraud")
    await solo.model("churn")
    await solo.register("fraud", content=b"one", metrics={"auc": 0.8})
    await solo.register("fraud", content=b"one", metrics={"auc": 0.9}, aliases=["best"])
    await solo.register("churn", content=b"two", metrics={"auc": 0.7})
    await solo.promote(1)
    await solo.check(2, passed=False)
    await solo.check(2, passed=True)

    found = await compared(solo, "fraud/@production,fraud/@best,churn/latest")

    assert [(one.model_name, one.number, one.stages, one.aliases) for one in found.versions] == [
        ("fraud", 1, ["production"], []),
        ("fraud", 2, [], ["best"]),
        ("churn", 1, [], []),
    ]
    assert [[(check.name, check.status) for check in one.checks] for one in found.versions] == [
        [], [("evaluation", "passed")], [],
    ]  # fmt: skip
    assert (found.metrics[0].values, found.metrics[0].best) == ([0.8, 0.9, 0.7], [1])
    assert found.files is not None
    [file] = found.files.items
    assert file.changes == [FileChange.SAME, FileChange.SAME, FileChange.CHANGED]


async def test_what_one_may_not_read_is_compared_with_nothing(solo: World) -> None:
    await solo.registered(1, "team-a.fraud")
    await solo.registered(1, "team-b.churn")
    await solo.person("erin", Role.READER, "team-a.*")

    assert len((await compared(solo, "team-a.fraud/1,team-a.fraud/1", "erin")).versions) == 2
    with pytest.raises(ModelNotFound):
        await compared(solo, "team-a.fraud/1,team-b.churn/1", "erin")
    with pytest.raises(VersionNotFound):
        await compared(solo, "team-a.fraud/1,team-a.fraud/2", "erin")
