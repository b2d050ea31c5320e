from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from registry_service.domain.entities import Hold, Stage, StageChange, StageRecord
from registry_service.domain.errors import (
    Conflict,
    InUse,
    InvalidInput,
    InvalidName,
    NameClash,
    NoRollbackTarget,
    NothingToRollBack,
    RegistryError,
    StageVacant,
    TooLarge,
    VersionRevoked,
)
from registry_service.domain.stages import (
    MAX_STAGES,
    RollbackPlan,
    StagePointer,
    check_arrange,
    check_vacate,
    hold_is_active,
    rollback_plan,
    seconds_current,
)

START = datetime(2026, 3, 3, 12, tzinfo=UTC)


class Pointer:
    """A stage that keeps its own history, as the registry does: each entry an hour after the one before."""

    def __init__(self) -> None:
        self.history: list[StageRecord] = []
        self.failed: list[int] = []

    def _move(self, change: StageChange, version: int | None) -> Pointer:
        count = len(self.history)
        self.history.append(
            StageRecord(
                model_name="fraud",
                stage="production",
                change=change,
                version=version,
                digest=None if version is None else f"sha256:{version:064}",
                previous=self.version,
                promotion_id=f"p{count}",
                by="ann",
                at=START + timedelta(hours=count),
                reason="",
                revision=count,
            )
        )
        return self

    def promote(self, *versions: int) -> Pointer:
        for version in versions:
            self._move(StageChange.PROMOTED, version)
        return self

    def vacate(self) -> Pointer:
        return self._move(StageChange.VACATED, None)

    def roll_back(self, version: int) -> Pointer:
        assert self.version is not None
        self.failed.append(self.version)
        return self._move(StageChange.ROLLED_BACK, version)

    @property
    def version(self) -> int | None:
        return self.history[-1].version if self.history else None

    @property
    def stage(self) -> Stage:
        last = self.history[-1] if self.history else None
        return Stage(
            model_name="fraud",
            name="production",
            position=1,
            version=self.version,
            digest=last.digest if last else None,
            promotion_id=last.promotion_id if last else None,
            since=last.at if last else None,
            hold=None,
            failed=self.failed,
            policies=[],
            revision=len(self.history),
        )

    @property
    def pointer(self) -> StagePointer:
        stage = self.stage
        return StagePointer(
            stage=stage.name, version=stage.version, digest=stage.digest, promotion_id=stage.promotion_id
        )

    def plan(self, *, revoked: tuple[int, ...] = (), within: int = 10, **bound: object) -> RollbackPlan:
        return rollback_plan(
            self.pointer,
            self.history,
            failed=self.failed,
            revoked=revoked,
            within=within,
            **bound,  # type: ignore[arg-type]  # as the tests say
        )


def stage(name: str, version: int | None = None) -> Stage:
    pointer = Pointer()
    if version is not None:
        pointer.promote(version)
    found = pointer.stage
    return Stage(**{field: getattr(found, field) for field in found.__struct_fields__} | {"name": name})


def pointing(name: str, version: int | None = None) -> StagePointer:
    pointer = Pointer()
    if version is not None:
        pointer.promote(version)
    return structs.replace(pointer.pointer, stage=name)


# ------------------------------------------------------------------------------------------------------- holds


@pytest.mark.parametrize("times", [(3, 2, 1), (1, 1, 1), (2, 3, 1), (3, 1, 2)])
def test_what_was_current_before_is_told_by_revisions_and_not_by_clocks(times: tuple[int, ...]) -> None:
    """A clock was set back; or replicas have each their own; or one waited for the model and had the time before."""
    pointer = Pointer().promote(1, 2, 3)
    pointer.history = [
        structs.replace(entry, at=START + timedelta(hours=hours))
        for entry, hours in zip(pointer.history, times, strict=True)
    ]
    assert pointer.plan(from_version=3).to_version == 2
    pointer.history = pointer.history[::-1]
    assert (
        rollback_plan(
            StagePointer(stage="production", version=3, digest=f"sha256:{3:064}", promotion_id="p2"),
            pointer.history,
            failed=(),
            revoked=(),
            within=10,
            from_version=3,
        ).to_version
        == 2
    )


def test_a_hold_is_active_until_its_time_is_over() -> None:
    endless = Hold(reason="incident", by="ann", at=START, until=None)
    timed = Hold(reason="incident", by="ann", at=START, until=START + timedelta(hours=1))
    assert not hold_is_active(None, START)
    assert hold_is_active(endless, START + timedelta(days=999))
    assert hold_is_active(timed, START + timedelta(minutes=59))
    assert not hold_is_active(timed, START + timedelta(hours=1))


# ------------------------------------------------------------------------------------------------------ history


def test_the_time_as_current_is_the_sum_of_all_its_times() -> None:
    hours = [START + timedelta(hours=number) for number in range(10)]
    assert seconds_current([(hours[0], hours[1]), (hours[2], hours[3])], hours[9]) == 2 * 3600
    assert seconds_current([(hours[0], hours[1]), (hours[4], None)], hours[9]) == 6 * 3600
    assert seconds_current([], hours[9]) == 0


def test_a_clock_that_was_set_back_takes_no_time_from_what_was_current() -> None:
    hour = timedelta(hours=1)
    assert seconds_current([(START, START - hour), (START, START + hour)], START + 2 * hour) == 3600
    assert seconds_current([(START, None)], START - hour) == 0


# --------------------------------------------------------------------------------------------------- going back


def test_a_rollback_restores_what_was_current_before() -> None:
    plan = Pointer().promote(1, 2, 3).plan(from_version=3)
    assert (plan.from_version, plan.undoes, plan.to_version, plan.restores) == (3, "p2", 2, "p1")
    assert plan.digest == f"sha256:{2:064}"


def test_a_rollback_may_be_bound_to_the_promotion() -> None:
    assert Pointer().promote(1, 2).plan(promotion="p1").to_version == 1
    assert Pointer().promote(1, 2).plan(promotion="p1", from_version=2).to_version == 1


def test_pressed_twice_it_goes_back_once() -> None:
    pointer = Pointer().promote(1, 2, 3)
    pointer.roll_back(pointer.plan(from_version=3).to_version)
    with pytest.raises(NothingToRollBack, match="version 2 is") as refusal:
        pointer.plan(from_version=3)
    assert refusal.value.details["current"] == 2
    with pytest.raises(NothingToRollBack):
        pointer.plan(promotion="p2")
    assert pointer.version == 2


def test_version_and_promotion_must_agree() -> None:
    with pytest.raises(NothingToRollBack):
        Pointer().promote(1, 2).plan(from_version=2, promotion="p0")


def test_a_vacant_stage_has_nothing_to_undo() -> None:
    with pytest.raises(NothingToRollBack, match="nothing is"):
        Pointer().promote(1).vacate().plan(from_version=1)
    with pytest.raises(NothingToRollBack):
        Pointer().plan(promotion="p0")


def test_what_to_undo_must_be_named() -> None:
    with pytest.raises(InvalidInput, match="Say what to undo"):
        Pointer().promote(1, 2).plan()


def test_failed_and_revoked_versions_are_skipped() -> None:
    pointer = Pointer().promote(1, 2, 3, 4)
    assert pointer.plan(from_version=4, revoked=(3,)).to_version == 2
    pointer.roll_back(3)
    assert pointer.plan(from_version=3).to_version == 2
    assert pointer.plan(from_version=3, revoked=(2,)).to_version == 1


def test_a_version_that_comes_again_is_not_its_own_target() -> None:
    assert Pointer().promote(1, 2, 2).plan(from_version=2).to_version == 1
    pointer = Pointer().promote(1, 2).roll_back(1)
    with pytest.raises(NoRollbackTarget):
        pointer.plan(from_version=1)


def test_a_rollback_leads_over_a_vacant_time() -> None:
    assert Pointer().promote(1).vacate().promote(2).plan(from_version=2).to_version == 1


def test_it_looks_back_so_many_promotions_and_no_further() -> None:
    pointer = Pointer().promote(1, 2, 3, 4)
    assert pointer.plan(from_version=4, within=2, revoked=(3,)).to_version == 2
    with pytest.raises(NoRollbackTarget, match="vacate") as refusal:
        pointer.plan(from_version=4, within=2, revoked=(2, 3))
    assert refusal.value.details == {"stage": "production", "from_version": 4}
    with pytest.raises(NoRollbackTarget):
        pointer.plan(from_version=4, within=2, to=1)


def test_the_first_version_has_nothing_before_it() -> None:
    with pytest.raises(NoRollbackTarget):
        Pointer().promote(1).plan(from_version=1)


def test_an_explicit_target_must_have_held_the_stage() -> None:
    pointer = Pointer().promote(1, 2, 3)
    assert pointer.plan(from_version=3, to=1).to_version == 1
    with pytest.raises(NoRollbackTarget, match="request a promotion"):
        pointer.plan(from_version=3, to=7)


@pytest.mark.parametrize(("to", "error"), [(3, InvalidInput), (2, VersionRevoked), (1, NoRollbackTarget)])
def test_an_explicit_target_must_be_good(to: int, error: type[RegistryError]) -> None:
    pointer = Pointer().promote(0, 1).roll_back(0).promote(2, 3)
    with pytest.raises(error):
        pointer.plan(from_version=3, to=to, revoked=(2,))


def test_the_same_content_under_another_number_is_no_way_back() -> None:
    pointer = Pointer().promote(1, 2, 3)
    pointer.history[1] = structs.replace(pointer.history[1], digest=pointer.history[2].digest)
    assert pointer.plan(from_version=3).to_version == 1
    with pytest.raises(NoRollbackTarget, match="same content"):
        pointer.plan(from_version=3, to=2)


@given(
    st.lists(st.integers(1, 5), min_size=1, max_size=8),
    st.sets(st.integers(1, 5)),
    st.sets(st.integers(1, 5)),
    st.integers(1, 10),
)
def test_a_rollback_always_leads_to_the_last_good_one(
    versions: list[int], failed: set[int], revoked: set[int], within: int
) -> None:
    pointer = Pointer().promote(*versions)
    pointer.failed = sorted(failed)
    *earlier, current = versions
    good = [v for v in earlier[::-1][:within] if v != current and v not in failed | revoked]
    if not good:
        with pytest.raises(NoRollbackTarget):
            pointer.plan(from_version=current, revoked=tuple(revoked), within=within)
        return
    target = pointer.plan(from_version=current, revoked=tuple(revoked), within=within).to_version
    assert target == good[0]
    pointer.roll_back(target)
    with pytest.raises(NothingToRollBack):
        pointer.plan(from_version=current, revoked=tuple(revoked), within=within)


# ----------------------------------------------------------------------------------------------------- emptying


def test_a_stage_is_emptied_when_its_version_is_revoked_and_nothing_good_is_left() -> None:
    check_vacate(pointing("production", 3), 3, is_revoked=True, good_target=None)


def test_while_something_good_is_left_the_way_is_back() -> None:
    with pytest.raises(Conflict, match="Roll back to it"):
        check_vacate(pointing("production", 3), 3, is_revoked=True, good_target=2)


def test_a_version_that_is_not_revoked_keeps_its_stage() -> None:
    with pytest.raises(Conflict, match="Revoke it first"):
        check_vacate(pointing("production", 3), 3, is_revoked=False, good_target=None)


def test_an_archived_model_leaves_its_stages() -> None:
    check_vacate(pointing("production", 3), 3, is_revoked=False, good_target=2, is_archived=True)


def test_emptying_is_bound_to_what_is_current() -> None:
    with pytest.raises(StageVacant):
        check_vacate(pointing("production"), 3, is_revoked=True, good_target=None)
    with pytest.raises(NothingToRollBack):
        check_vacate(pointing("production", 4), 3, is_revoked=True, good_target=None)


# ---------------------------------------------------------------------------------------------------- arranging


def arrange(*wanted: str, used: tuple[str, ...] = (), aliases: tuple[str, ...] = ("champion",)) -> None:
    check_arrange([stage("staging"), stage("production", 3)], wanted, used=used, aliases=aliases)


def test_stages_are_reordered_added_and_left_out() -> None:
    arrange("production", "staging")
    arrange("staging", "canary", "production")
    arrange("production")


def test_what_was_ever_used_stays() -> None:
    with pytest.raises(InUse) as refusal:
        arrange("production", used=("staging",))
    assert refusal.value.details["used_by"] == ["staging"]
    with pytest.raises(InUse):
        arrange("staging")


@pytest.mark.parametrize(
    ("wanted", "error"),
    [
        ([], InvalidInput),
        ([f"s{n}" for n in range(MAX_STAGES + 1)], TooLarge),
        (["production", "latest"], InvalidName),
        (["production", "7"], InvalidName),
        (["production", "Production"], NameClash),
        (["production", "production"], NameClash),
        (["production", "Champion"], NameClash),
    ],
)
def test_an_arrangement_that_would_confuse_people_is_refused(wanted: list[str], error: type[RegistryError]) -> None:
    with pytest.raises(error) as refusal:
        arrange(*wanted)
    assert refusal.type is error
