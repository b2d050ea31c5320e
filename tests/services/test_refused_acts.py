from __future__ import annotations

from datetime import UTC, datetime, timedelta

from registry_service.domain.permissions import Action
from registry_service.services.refused_acts import REMEMBERED, TOLD_AGAIN_AFTER, RefusedAct, RefusedActs

NOW = datetime(2026, 3, 3, tzinfo=UTC)
ACT = RefusedAct(Action.PROMOTION_REVIEW, "not_permitted", "no")


def test_the_first_is_told_and_then_one_in_an_hour_with_their_number() -> None:
    acts = RefusedActs()
    assert acts.times("eve", ACT, NOW) == 1
    assert [acts.times("eve", ACT, NOW + timedelta(minutes=minute)) for minute in range(1, 50)] == [None] * 49
    assert acts.times("eve", ACT, NOW + TOLD_AGAIN_AFTER) == 50
    assert acts.times("eve", ACT, NOW + TOLD_AGAIN_AFTER) is None
    assert acts.times("eve", ACT, NOW + 2 * TOLD_AGAIN_AFTER) == 2


def test_each_principal_act_and_code_is_told_by_itself() -> None:
    acts = RefusedActs()
    others = [ACT._replace(code="self_approval"), ACT._replace(action=Action.POLICY_WRITE)]
    assert [acts.times("eve", act, NOW) for act in (ACT, *others)] == [1, 1, 1]
    assert acts.times("mallory", ACT, NOW) == 1


def test_it_remembers_so_many_and_no_more() -> None:
    acts = RefusedActs()
    for number in range(REMEMBERED + 1):
        assert acts.times(f"p{number}", ACT, NOW) == 1
    assert acts.times("p1", ACT, NOW) is None
    assert acts.times("p0", ACT, NOW) == 1, "the oldest was forgotten"
